import type { DecoderShape, LoraSite, LoraTarget } from '../../contracts/model-manifest.js';

/** Targets of each fused site, in the order of its rows. */
const SITE_TARGETS: Readonly<Record<LoraSite, readonly LoraTarget[]>> = {
  qkv: ['q_proj', 'k_proj', 'v_proj'],
  o: ['o_proj'],
  gu: ['gate_proj', 'up_proj'],
  down: ['down_proj'],
};

export const LORA_SITES = Object.keys(SITE_TARGETS) as LoraSite[];
export const LORA_TARGETS = Object.values(SITE_TARGETS).flat();

/** A target within its site: how wide it is, and where its rows begin. */
interface TargetPlace {
  readonly target: LoraTarget;
  /** Path below `model.layers.{i}.` */
  readonly path: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly firstOutput: number;
}

export interface SitePlace {
  readonly site: LoraSite;
  readonly inputs: number;
  readonly outputs: number;
  readonly targets: readonly TargetPlace[];
}

/** All sites of a block, in the order of the compiled form. */
export function sitePlaces(shape: DecoderShape): SitePlace[] {
  return LORA_SITES.map((site) => {
    let outputs = 0;
    const targets = SITE_TARGETS[site].map((target) => {
      const [inputs, rows] = linearSize(target, shape);
      const place = { target, path: pathOf(target), inputs, outputs: rows, firstOutput: outputs };
      outputs += rows;
      return place;
    });
    return { site, inputs: targets[0]!.inputs, outputs, targets };
  });
}

function pathOf(target: LoraTarget): string {
  return target === 'gate_proj' || target === 'up_proj' || target === 'down_proj'
    ? `mlp.${target}`
    : `self_attn.${target}`;
}

function linearSize(target: LoraTarget, shape: DecoderShape): [inputs: number, outputs: number] {
  const { hiddenSize, heads, kvHeads, headDim, mlpSize } = shape;
  switch (target) {
    case 'q_proj':
      return [hiddenSize, heads * headDim];
    case 'k_proj':
    case 'v_proj':
      return [hiddenSize, kvHeads * headDim];
    case 'o_proj':
      return [heads * headDim, hiddenSize];
    case 'gate_proj':
    case 'up_proj':
      return [hiddenSize, mlpSize];
    case 'down_proj':
      return [mlpSize, hiddenSize];
  }
}
