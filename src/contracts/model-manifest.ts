/**
 * What the importer promises to the engine about one imported base model: `manifest.json` beside its graphs, the data
 * file of each set of operators, one that all share, and the tokenizer files. Types only.
 *
 * ## The decoder graphs (`switchyard-decoder-2`)
 *
 * The same decoder twice, over two sets of operators. Both take the tokens of all rows on one flat axis N.
 *
 * | input of both | type and shape | meaning |
 * | --- | --- | --- |
 * | `input_ids` | i64 [N] | token ids, row after row |
 * | `sel_idx` | i64 [R] | flat indexes of the tokens whose logits are wanted |
 *
 * | output of both | | |
 * | --- | --- | --- |
 * | `logits` | f32 [R, vocabSize] | |
 *
 * ### stock
 * onnxruntime's operators. N = B * T: B neighbouring KV slots of T tokens each, T > 1 for a prefill chunk of one row (B = 1).
 *
 * | input | type and shape | meaning |
 * | --- | --- | --- |
 * | `bt_shape` | i64 [3] | `[B, T, -1]` |
 * | `seqlens_k` | i32 [B] | past length of the row + T - 1 |
 * | `total_seq` | i32 [1] | largest past length + T |
 * | `past_k.{layer}`, `past_v.{layer}` | f32 [B, kvHeads, P, headDim] | KV slots of P positions |
 * | `lora_shape` | i64 [2] | `[S, M]`: S adapters in this step, M places for the tokens of each |
 * | `lora_gidx` | i64 [S*M] | flat token index of place `s * M + m`, 0 where the place is empty |
 * | `lora_back` | i64 [N] | place of each token; `S * M` (a row of zeros) for a token without an adapter |
 * | `A.{site}.{layer}` | f32 [S, R_site, K] | down-projection of the site, see `LoraSite` |
 * | `B.{site}.{layer}` | f32 [S, R_site, rows] | up-projection, scale folded in, zero outside a target's own columns |
 *
 * It also puts out `present_k.{layer}`, `present_v.{layer}`, to be bound to the very buffers of `past_…`. S, M and R_site may be 0;
 * R_site is the same in all layers of a step.
 *
 * ### half
 * As stock, but keys and values are f16: attention for devices that have no other (CUDA). It reads the data file of stock.
 *
 * ### kernels
 * The operators of native/. Any tokens of any slots: those of one slot together, at consecutive positions.
 *
 * | input | type and shape | meaning |
 * | --- | --- | --- |
 * | `slots`, `positions` | i32 [N] | KV slot of each token, and its place there |
 * | `kv` | f16 [layers, slots, 2, kvHeads, P, headDim] | all KV slots, written in place (layout: native/src/layout.h) |
 * | `lora_slots` | i32 [N] | bank slot of each token's adapter, -1 without |
 * | `lora_ranks` | i32 [S, 7] | rank of each target (`LORA_TARGETS` order) in each bank slot, 0: not adapted |
 * | `A.{site}.{layer}` | f16 [S, targets, R, K] | panels of each target's A (layout: native/src/layout.h) |
 * | `B.{site}.{layer}` | f16 [S, R, rows] | panels of each target's B, scale folded in |
 *
 * Positions at or past `maxPositions`, or past P, must not be asked for.
 */

/** The seven linear layers of a Llama block that an adapter may target, in Hugging Face's names. */
export type LoraTarget = 'q_proj' | 'k_proj' | 'v_proj' | 'o_proj' | 'gate_proj' | 'up_proj' | 'down_proj';

/**
 * The four fused linear sites of a block: `qkv` = q|k|v rows concatenated, `o`, `gu` = gate|up concatenated, `down`.
 * In the stock graph a site's low-rank update uses one A and one B whose rank axis concatenates the ranks of its targets.
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

export interface GraphFiles {
  readonly file: string;
  readonly dataFile: string;
}

/** One imported base model. Paths are relative to the manifest's folder. */
export interface ModelManifest {
  readonly format: 'switchyard-decoder-2';
  readonly id: string;
  /** What its source calls it: names by which an adapter may mean it. */
  readonly names?: readonly string[];
  /** Architecture of the source checkpoint, e.g. `llama`, `qwen2`, `qwen3`. */
  readonly architecture: string;
  /**
   * SHA-256 of the source weights, hex: adapters are bound to it. One file: its SHA-256; several: that of the lines
   * `<sha256>  <name>\n`, sorted by name.
   */
  readonly baseDigest: string;
  readonly shape: DecoderShape;
  /** Whether layers differ in how they rotate: keys that are stored cannot be turned to another position then. */
  readonly mixedRotation?: boolean;
  readonly graphs: Readonly<Record<'stock' | 'half' | 'kernels', GraphFiles>>;
  readonly tokenizer: {
    readonly file: string;
    readonly configFile: string;
    /** Put before a text, and before a chat whose template does not write it; null where the model wants none. */
    readonly bosId: number | null;
    /** Any of these ends an answer. */
    readonly eosIds: readonly number[];
    /** Fill-in-the-middle token ids, where the vocabulary has them. */
    readonly fim: FimTokens | null;
  };
  /** How each kind of linear was written, for the record: e.g. `q4_1-exact`, `q8-block32`. */
  readonly representation: Readonly<Record<string, string>>;
  readonly files: ManifestFiles;
  readonly importer: ImporterStamp;
}

/** Token ids of fill-in-the-middle prompts. `repo` and `file` begin a repository's name and each of its files. */
export interface FimTokens {
  readonly prefix: number;
  readonly middle: number;
  readonly suffix: number;
  readonly repo: number | null;
  readonly file: number | null;
}

/** How an embedding model wants to be used. */
export interface EmbeddingUse {
  /** What becomes the text's vector: the first token's, or the mean over all tokens. */
  readonly pooling: 'cls' | 'mean';
  /** Put before what is searched for, and before nothing else. */
  readonly queryPrefix: string;
  /** Put before what is to be found; left out: nothing. */
  readonly passagePrefix?: string;
  /** Longest text in tokens, the two specials included; what is beyond it is to be cut off. */
  readonly maxTokens: number;
}

/**
 * One imported model that tells of each token what it is part of: `manifest.json` beside its graph, tokenizer and license.
 * Inputs `input_ids`, `attention_mask` and maybe `token_type_ids` (i64 [1, sequence]), output logits (f32 [1, sequence, labels]).
 */
export interface NerManifest {
  readonly format: 'switchyard-ner-1';
  readonly id: string;
  /** SHA-256 of its weights, hex. */
  readonly baseDigest: string;
  /** In the order of the logits: `O`, and `B-…` and `I-…` of each kind. */
  readonly labels: readonly string[];
  readonly graph: { readonly file: string };
  readonly files: ManifestFiles;
  readonly importer: ImporterStamp;
}

/**
 * One imported embedding model: `manifest.json` in a folder that transformers' feature extraction loads as it is
 * (`config.json`, `tokenizer.json`, `tokenizer_config.json`, `onnx/model_quantized.onnx`, which is its dtype `q8`).
 * Inputs `input_ids`, `attention_mask`, `token_type_ids` (i64 [batch, sequence]), output `last_hidden_state`
 * (f32 [batch, sequence, dimensions]).
 */
export interface EmbedderManifest extends EmbeddingUse {
  readonly format: 'switchyard-embedder-3';
  readonly id: string;
  /** SHA-256 of the source weights, hex. Vectors of different digests do not compare. */
  readonly baseDigest: string;
  /** The same of the LoRA weights that were merged into them, if any. */
  readonly adapterDigest?: string;
  readonly dimensions: number;
  readonly graph: { readonly file: string };
  /** For the kernels of native/ (native/src/encoder.cpp); null where they cannot compute its shape. */
  readonly encoder: { readonly file: string } | null;
  readonly representation: Readonly<Record<string, string>>;
  readonly files: ManifestFiles;
  readonly importer: ImporterStamp;
}
