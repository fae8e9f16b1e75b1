/**
 * What the importer promises to the engine about one imported base model: `manifest.json` beside `model.onnx`,
 * `model.onnx.data` and the tokenizer files. Types only.
 *
 * ## The decoder graph (`switchyard-decoder-1`)
 *
 * Tokens of all rows lie on one flat axis N = B * T: B rows (KV slots) of T tokens each, T > 1 for a prefill chunk of one
 * row (B = 1), T = 1 for a decode step of B rows.
 *
 * | input | type and shape | meaning |
 * | --- | --- | --- |
 * | `input_ids` | i64 [N] | token ids, row after row |
 * | `bt_shape` | i64 [3] | `[B, T, -1]` |
 * | `seqlens_k` | i32 [B] | past length of the row + T - 1 |
 * | `total_seq` | i32 [1] | largest past length + T |
 * | `sel_idx` | i64 [R] | flat indexes of the tokens whose logits are wanted |
 * | `past_k.{layer}`, `past_v.{layer}` | f32 [B, kvHeads, P, headDim] | KV slots of P positions |
 * | `lora_shape` | i64 [2] | `[S, M]`: S adapters in this step, M places for the tokens of each |
 * | `lora_gidx` | i64 [S*M] | flat token index of place `s * M + m`, 0 where the place is empty |
 * | `lora_back` | i64 [N] | place of each token; `S * M` (a row of zeros) for a token without an adapter |
 * | `A.{site}.{layer}` | f32 [S, R_site, K] | down-projection of the site, see `LoraSite` |
 * | `B.{site}.{layer}` | f32 [S, R_site, rows] | up-projection, scale folded in, zero outside a target's own columns |
 *
 * | output | type and shape | |
 * | --- | --- | --- |
 * | `logits` | f32 [R, vocabSize] | |
 * | `present_k.{layer}`, `present_v.{layer}` | f32 [B, kvHeads, P, headDim] | to be bound to the very buffers of `past_…` |
 *
 * S, M and R_site may be 0; R_site is the same in all layers of a step. A token's position is its row's past length plus its place in the row; positions at or past
 * `maxPositions`, or past P, must not be asked for.
 */

/** The seven linear layers of a Llama block that an adapter may target, in Hugging Face's names. */
export type LoraTarget = 'q_proj' | 'k_proj' | 'v_proj' | 'o_proj' | 'gate_proj' | 'up_proj' | 'down_proj';

/**
 * The four fused linear sites of a block: `qkv` = q|k|v rows concatenated, `o`, `gu` = gate|up concatenated, `down`.
 * A site's low-rank update uses one A and one B whose rank axis concatenates the ranks of its targets.
 */
export type LoraSite = 'qkv' | 'o' | 'gu' | 'down';

/** Shape of a decoder, in units of elements. */
export interface DecoderShape {
  readonly layers: number;
  readonly hiddenSize: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly mlpSize: number;
  readonly vocabSize: number;
  /** Longest position the rotary tables cover, in tokens. */
  readonly maxPositions: number;
}

/** Size and SHA-256 (hex) of every file beside the manifest, by name relative to its folder. */
export type ManifestFiles = Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;

interface ImporterStamp {
  readonly version: number;
  readonly createdAt: string;
}

/** One imported base model. Paths are relative to the manifest's folder. */
export interface ModelManifest {
  readonly format: 'switchyard-decoder-1';
  readonly id: string;
  /** Architecture of the source checkpoint, e.g. `llama`, `qwen2`, `qwen3`. */
  readonly architecture: string;
  /**
   * SHA-256 of the source weights, hex: adapters are bound to it. One file: its SHA-256; several: that of the lines
   * `<sha256>  <name>\n`, sorted by name.
   */
  readonly baseDigest: string;
  readonly shape: DecoderShape;
  readonly graph: {
    readonly file: string;
    readonly dataFile: string;
    /** Rank capacity per target the graph accepts: any (dynamic axes). */
    readonly lora: boolean;
  };
  readonly tokenizer: {
    readonly file: string;
    readonly configFile: string;
    /** Put before a text that is not a rendered chat; null where the model wants none. */
    readonly bosId: number | null;
    /** Any of these ends an answer. */
    readonly eosIds: readonly number[];
    /** Fill-in-the-middle token ids, where the vocabulary has them. */
    readonly fim: { readonly prefix: number; readonly middle: number; readonly suffix: number } | null;
  };
  /** How each kind of linear was written, for the record: e.g. `q4_1-exact`, `q8-block32`. */
  readonly representation: Readonly<Record<string, string>>;
  readonly files: ManifestFiles;
  readonly importer: ImporterStamp;
}

/**
 * One imported embedding model: `manifest.json` in a folder that transformers' feature extraction loads as it is
 * (`config.json`, `tokenizer.json`, `tokenizer_config.json`, `onnx/model_quantized.onnx`, which is its dtype `q8`).
 * Inputs `input_ids`, `attention_mask`, `token_type_ids` (i64 [batch, sequence]), output `last_hidden_state`
 * (f32 [batch, sequence, dimensions]).
 */
export interface EmbedderManifest {
  readonly format: 'switchyard-embedder-1';
  readonly id: string;
  /** SHA-256 of the source weights, hex. Vectors of different digests do not compare. */
  readonly baseDigest: string;
  readonly dimensions: number;
  /** Longest text in tokens, the two specials included; what is beyond it is to be cut off. */
  readonly maxTokens: number;
  readonly graph: { readonly file: string };
  readonly representation: Readonly<Record<string, string>>;
  readonly files: ManifestFiles;
  readonly importer: ImporterStamp;
}
