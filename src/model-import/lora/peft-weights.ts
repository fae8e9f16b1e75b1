import type { DecoderShape, LoraTarget } from '../../contracts/model-manifest.js';
import { LORA_TARGETS } from '../../layouts/lora.js';
import type { SafetensorsFile } from '../safetensors/reader.js';
import type { TensorEntry } from '../tensors/tensor.js';
import type { PeftConfig } from './peft-config.js';

const PREFIX = 'base_model.model.';
/** The module of a layer that holds the linear. */
const MODULE: Readonly<Record<LoraTarget, string>> = {
  q_proj: 'self_attn',
  k_proj: 'self_attn',
  v_proj: 'self_attn',
  o_proj: 'self_attn',
  gate_proj: 'mlp',
  up_proj: 'mlp',
  down_proj: 'mlp',
};

/** One adapted linear layer: A `[rank, inputs]` and B `[outputs, rank]` as PEFT stores them. */
export interface AdaptedModule {
  readonly rank: number;
  readonly scale: number;
  readonly a: TensorEntry;
  readonly b: TensorEntry;
}

/**
 * Finds every tensor its place, by target and layer; a layer that is not adapted has none. A tensor without a place is refused.
 * @throws AppError `model_invalid` with the reason
 */
export function arrangePeftWeights(
  { file, tensors }: SafetensorsFile,
  config: PeftConfig,
  shape: DecoderShape,
): ReadonlyMap<LoraTarget, readonly (AdaptedModule | undefined)[]> {
  const unused = new Set(tensors.keys());
  const modules = new Map<LoraTarget, (AdaptedModule | undefined)[]>();
  for (const target of LORA_TARGETS) {
    const found: (AdaptedModule | undefined)[] = Array.from({ length: shape.layers });
    for (let layer = 0; layer < shape.layers; layer++) {
      const module = `model.layers.${layer}.${MODULE[target]}.${target}`;
      const names = ['A', 'B'].map((half) => `${PREFIX}${module}.lora_${half}.weight`);
      const [a, b] = names.map((name) => tensors.get(name));
      if (!a && !b) continue;
      if (!a || !b) throw file.invalid(`${module} has only one of lora_A and lora_B`);
      found[layer] = { rank: config.rankOf(module), scale: config.scaleOf(module), a, b };
      for (const name of names) unused.delete(name);
    }
    if (found.some(Boolean)) modules.set(target, found);
  }
  const [stranger] = unused;
  if (stranger !== undefined) throw file.invalid(describeStranger(stranger));
  const missing = config.listedTargets?.find((target) => !modules.has(target));
  if (missing) throw file.invalid(`adapter_config.json lists ${missing}, but its weights are not there`);
  if (modules.size === 0) throw file.invalid('it holds no weights');
  return modules;
}

function describeStranger(name: string): string {
  if (name.includes('lora_magnitude_vector')) return `it holds ${name}: DoRA is not supported`;
  return `it holds ${name}, which this base has no place for`;
}
