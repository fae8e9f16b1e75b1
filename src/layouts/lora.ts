import type { DecoderShape, LoraSite, LoraTarget } from '../contracts/model-manifest.js';

/** The linears that an adapter may target, in the order of the compiled form and of `lora_ranks`. */
export const LORA_TARGETS: readonly LoraTarget[] = [
  'q_proj',
  'k_proj',
  'v_proj',
  'o_proj',
  'gate_proj',
  'up_proj',
  'down_proj',
];

/** Fused sites in the order in which a layer runs them, each with its targets in the order of its outputs. */
export const LORA_SITES: readonly { readonly site: LoraSite; readonly targets: readonly LoraTarget[] }[] = [
  { site: 'qkv', targets: ['q_proj', 'k_proj', 'v_proj'] },
  { site: 'o', targets: ['o_proj'] },
  { site: 'gu', targets: ['gate_proj', 'up_proj'] },
  { site: 'down', targets: ['down_proj'] },
];

/** Columns of a panel: a matrix of r rows lies as `[columns / 16][r][16]` (native/src/layout.h). */
const PANEL_COLUMNS = 16;

export interface LinearSize {
  readonly inputs: number;
  readonly outputs: number;
}

/** Size of each target's linear, in elements. */
export function targetSizes(shape: DecoderShape): Readonly<Record<LoraTarget, LinearSize>> {
  const { hiddenSize, heads, kvHeads, headDim, mlpSize } = shape;
  const kv = { inputs: hiddenSize, outputs: kvHeads * headDim };
  const wide = { inputs: hiddenSize, outputs: mlpSize };
  return {
    q_proj: { inputs: hiddenSize, outputs: heads * headDim },
    k_proj: kv,
    v_proj: kv,
    o_proj: { inputs: heads * headDim, outputs: hiddenSize },
    gate_proj: wide,
    up_proj: wide,
    down_proj: { inputs: mlpSize, outputs: hiddenSize },
  };
}

/** Where the element (row, column) of a matrix of `rows` rows lies in its panels. */
export function panelIndex(row: number, column: number, rows: number): number {
  const lane = column % PANEL_COLUMNS;
  return (column - lane) * rows + row * PANEL_COLUMNS + lane;
}
