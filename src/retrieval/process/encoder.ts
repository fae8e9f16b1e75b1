/** Texts as token ids, one after the other. */
export interface TokenBatch {
  readonly ids: Int32Array;
  /** Tokens of each text. */
  readonly lengths: Int32Array;
}

/** Whether work of other threads goes before what waits for the same processors, or behind it. */
export type Precedence = 'ahead' | 'behind';

/** The embedding model without its tokenizer. Vectors are normalised, one text's after the other's. */
export interface Encoder {
  /** While it computes, this thread does nothing else. */
  encode(batch: TokenBatch): Promise<Float32Array>;
  /** The same on another thread, where it pleases behind everything that waits for an answer; null where it cannot. */
  readonly encodeApart: ((batch: TokenBatch, precedence: Precedence) => Promise<Float32Array>) | null;
}
