import type { LoraSite } from '../../contracts/model-manifest.js';
import type { QuantizedMatrix } from '../tensors/quantized-matrix.js';

/** The linears of one fused site of one layer. */
export interface SiteLinear {
  readonly site: LoraSite;
  readonly layer: number;
  /** One matrix a target. */
  readonly parts: readonly QuantizedMatrix[];
  /** Of all rows together. */
  readonly bias?: Float32Array | null;
}

/** Names of the rotary tables that every graph has, and the engine reads. */
export const MAIN_TABLES = ['rotary_cos', 'rotary_sin'] as const;

/** How one layer attends: its rotary tables, null: it rotates nothing; and to how many tokens, null: to all. */
interface Attention {
  readonly layer: number;
  readonly tables: readonly [cos: string, sin: string] | null;
  readonly window: number | null;
}

/** Queries, keys and values of every token: side by side, or apart. */
export type Projections = string | readonly [q: string, k: string, v: string];

/**
 * The operators that a decoder is written with. All of them work on tokens in one flat axis; a linear site adds the
 * low-rank update of each token's adapter.
 */
export interface DecoderOperators {
  linear(x: string, linear: SiteLinear): string;
  /** `silu(x · gateᵀ) * (x · upᵀ)` */
  gatedLinear(x: string, linear: SiteLinear): string;
  /** Causal attention of each token over its KV slot, which takes the new keys and values. */
  attention(projections: Projections, attention: Attention): string;
  /** Logits; `embedding` is the head as the graph has it already, where the two are tied. */
  logits(x: string, head: QuantizedMatrix, embedding: QuantizedMatrix | null): string;
}
