/**
 * What the importer promises to the engine about one imported base model: `manifest.json` beside `model.onnx`,
 * `model.onnx.data` and the tokenizer files. Types only.
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

/** One imported base model. Paths are relative to the manifest's folder. */
export interface ModelManifest {
  readonly format: 'switchyard-decoder-1';
  readonly id: string;
  /** Architecture of the source checkpoint, e.g. `llama`, `qwen2`, `qwen3`. */
  readonly architecture: string;
  /** SHA-256 of the source weights file(s), hex: adapters are bound to it. */
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
    readonly bosId: number | null;
    readonly eosIds: readonly number[];
    /** Fill-in-the-middle token ids, where the vocabulary has them. */
    readonly fim: { readonly prefix: number; readonly middle: number; readonly suffix: number } | null;
  };
  /** How each kind of linear was written, for the record: e.g. `q4_1-exact`, `q8-block32`. */
  readonly representation: Readonly<Record<string, string>>;
  readonly importer: { readonly version: number; readonly createdAt: string };
}
