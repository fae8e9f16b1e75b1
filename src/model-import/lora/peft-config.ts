import type { LoraTarget } from '../../contracts/model-manifest.js';
import { LORA_TARGETS } from '../../layouts/lora.js';
import type { JsonFile } from '../files/json-file.js';
import { type ModulePattern, modulePattern } from './module-pattern.js';

/** The part of `adapter_config.json` that says what the weights mean. */
export interface PeftConfig {
  /** Targets it lists by name; null where it describes them in another way. */
  readonly listedTargets: readonly LoraTarget[] | null;
  /** Rank of a module (`model.layers.0.self_attn.q_proj`). */
  rankOf(module: string): number;
  /** What the product of B and A is multiplied with. */
  scaleOf(module: string): number;
}

/** Keys that do not change what an adapter computes: where it comes from, and how it was trained. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  ...['auto_mapping', 'base_model_name_or_path', 'inference_mode', 'peft_version', 'revision', 'runtime_config'],
  ...[
    'exclude_modules',
    'layers_pattern',
    'layers_to_transform',
    'lora_dropout',
    'megatron_config',
    'megatron_core',
    'qalora_group_size',
  ],
  ...['corda_config', 'eva_config', 'loftq_config', 'lora_ga_config', 'ensure_weight_tying'],
]);
const READ: ReadonlySet<string> = new Set([
  ...['peft_type', 'task_type', 'r', 'lora_alpha', 'use_rslora', 'rank_pattern', 'alpha_pattern', 'target_modules'],
  ...['init_lora_weights', 'bias'],
]);
/** Initialisations that leave the base as it is; the others (PiSSA, OLoRA, CorDA, …) belong to altered weights. */
const PLAIN_INITIALISATIONS: ReadonlySet<unknown> = new Set([
  true,
  false,
  null,
  undefined,
  'gaussian',
  'orthogonal',
  'eva',
]);

/**
 * Reads an adapter's configuration, failing closed: a key that is not known here is accepted only when it is off.
 * @param maxRank the largest that is accepted (`engine.maxAdapterRank`)
 * @throws AppError `model_invalid` with the reason
 */
export function readPeftConfig(file: JsonFile, maxRank: number): PeftConfig {
  const kind = file.text('peft_type');
  if (kind !== 'LORA') throw file.invalid(`its type is ${kind}, only LORA is supported`);
  const task = file.text('task_type', 'CAUSAL_LM');
  if (task !== 'CAUSAL_LM') throw file.invalid(`its task is ${task}, only CAUSAL_LM is supported`);
  const bias = file.text('bias', 'none');
  if (bias !== 'none') throw file.invalid(`bias is ${bias}: trained biases are not supported, train with bias "none"`);
  const initialisation = file.values.init_lora_weights;
  if (!PLAIN_INITIALISATIONS.has(initialisation)) {
    throw file.invalid(`init_lora_weights ${initialisation} alters the base; convert the adapter to plain LoRA first`);
  }
  for (const [key, value] of Object.entries(file.values)) {
    if (!READ.has(key) && !WITHOUT_EFFECT.has(key) && !isOff(value)) {
      throw file.invalid(`${key} is ${JSON.stringify(value).slice(0, 80)}, which is not supported`);
    }
  }

  const rank = positive(file, 'r', file.number('r'));
  const ranks = readPatterns(file, 'rank_pattern');
  for (const value of [rank, ...ranks.map((pattern) => pattern.value)]) {
    if (value > maxRank)
      throw file.invalid(`its rank is ${value}, at most ${maxRank} is accepted (engine.maxAdapterRank)`);
  }
  const alpha = positive(file, 'lora_alpha', file.number('lora_alpha', 8));
  const rooted = file.flag('use_rslora', false);
  const alphas = readPatterns(file, 'alpha_pattern');
  const rankOf = (module: string) => firstMatch(ranks, module) ?? rank;
  return {
    listedTargets: readTargets(file),
    rankOf,
    scaleOf: (module) => {
      const r = rankOf(module);
      return (firstMatch(alphas, module) ?? alpha) / (rooted ? Math.sqrt(r) : r);
    },
  };
}

function isOff(value: unknown): boolean {
  if (value === null || value === false || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function positive(file: JsonFile, key: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) {
    throw file.invalid(`${key} is ${String(value)}, expected a number above 0`);
  }
  return value;
}

type Patterns = readonly { readonly matches: ModulePattern; readonly value: number }[];

function readPatterns(file: JsonFile, key: string): Patterns {
  return Object.entries(file.optional(key)?.values ?? {}).map(([pattern, value]) => {
    const matches = modulePattern(pattern);
    if (!matches) throw file.invalid(`${key} has the pattern ${pattern}, which is too intricate to be safe`);
    return { matches, value: positive(file, `${key}["${pattern}"]`, value) };
  });
}

function firstMatch(patterns: Patterns, module: string): number | undefined {
  return patterns.find(({ matches }) => matches(module))?.value;
}

function readTargets(file: JsonFile): LoraTarget[] | null {
  const targets = file.values.target_modules;
  if (!Array.isArray(targets)) return null;
  return targets.map((name) => {
    const last = String(name).split('.').at(-1) as LoraTarget;
    if (!LORA_TARGETS.includes(last)) {
      throw file.invalid(`it targets ${String(name)}, which cannot be adapted (${LORA_TARGETS.join(', ')} can)`);
    }
    return last;
  });
}
