import { existsSync } from 'node:fs';
import path from 'node:path';
import type { DecoderShape } from '../../contracts/model-manifest.js';
import { architectureNamed } from '../architectures/all.js';
import type { Architecture } from '../architectures/architecture.js';
import {
  createCheckpoint,
  type DecoderCheckpoint,
  plainTraits,
  type Role,
  usablePositions,
} from '../decoder/checkpoint.js';
import { FAST_TURNS, type RopeScaling, SLOW_TURNS, yarnMagnitude } from '../decoder/rope.js';
import { digestFiles } from '../files/durable.js';
import { JsonFile } from '../files/json-file.js';
import { readFloats } from '../tensors/read-floats.js';
import type { FloatPrecision } from '../tensors/read-matrix.js';
import type { TensorEntry } from '../tensors/tensor.js';
import { readPacking } from './packed-linears.js';
import { readSafetensors, type SafetensorsFile } from './reader.js';

const LAYER_NAMES: Record<Exclude<Role, 'embedding' | 'head' | 'finalNorm'>, string> = {
  q: 'self_attn.q_proj.weight',
  k: 'self_attn.k_proj.weight',
  v: 'self_attn.v_proj.weight',
  o: 'self_attn.o_proj.weight',
  gate: 'mlp.gate_proj.weight',
  up: 'mlp.up_proj.weight',
  down: 'mlp.down_proj.weight',
  attentionNorm: 'input_layernorm.weight',
  mlpNorm: 'post_attention_layernorm.weight',
  qBias: 'self_attn.q_proj.bias',
  kBias: 'self_attn.k_proj.bias',
  vBias: 'self_attn.v_proj.bias',
  qNorm: 'self_attn.q_norm.weight',
  kNorm: 'self_attn.k_norm.weight',
  postAttentionNorm: 'post_self_attn_layernorm.weight',
  postMlpNorm: 'post_mlp_layernorm.weight',
};
const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

export function isSafetensorsFolder(source: string): boolean {
  return existsSync(path.join(source, SINGLE)) || existsSync(path.join(source, INDEX));
}

/** A folder with config.json and safetensors as a checkpoint; closing it closes the files. */
export function openSafetensorsDecoder(
  folder: string,
  floats: FloatPrecision,
): { checkpoint: DecoderCheckpoint; names: readonly unknown[]; digest: () => Promise<string> } {
  const config = new JsonFile(path.join(folder, 'config.json'));
  const modelType = config.text('model_type');
  const architecture = architectureNamed(
    modelType,
    ({ modelTypes }) => modelTypes,
    (reason) => config.invalid(reason),
  );
  const { window = 0, ...own } = architecture.fromConfig(config);
  const rope = readRope(config);
  const shape = readShape(config, window, rope.scaling);
  const traits = { ...plainTraits(shape.headDim), ...own };
  refuseUnsupported(config, traits.activation);
  const nameOf = namesOf(architecture);
  const quantization = config.optional('quantization_config');
  const packed = quantization && readPacking(quantization);
  const names = weightFiles(folder);
  const files: SafetensorsFile[] = [];
  const close = () => {
    for (const { file } of files) file.close();
  };
  try {
    for (const name of names) files.push(readSafetensors(path.join(folder, name)));
    const tensors = new Map<string, TensorEntry>();
    for (const { file, tensors: ofFile } of files) {
      for (const [name, tensor] of ofFile) {
        if (tensors.has(name)) throw file.invalid(`the tensor ${name} is in another file, too`);
        tensors.set(name, tensor);
      }
    }
    // Architectures differ in what they take for granted, and a folder has a head or not.
    const tiedHead = config.flag('tie_word_embeddings', !tensors.has(nameOf('head', 0)));
    const checkpoint = createCheckpoint({
      settings: {
        architecture: modelType,
        shape,
        normEpsilon: config.number('rms_norm_eps', 1e-6),
        rope,
        tiedHead,
        qkvBias: tensors.has(nameOf('qBias', 0)),
        traits,
      },
      tensors,
      nameOf,
      ignored: (name) =>
        name.endsWith('.rotary_emb.inv_freq') ||
        (tiedHead && name === nameOf('head', 0)) ||
        (packed !== null && isEmptyBias(name, tensors.get(name)!)),
      rowOrder: null,
      packed,
      floats,
      invalid: (reason) => config.invalid(reason),
      close,
    });
    return {
      checkpoint,
      names: [config.values._name_or_path],
      digest: () => digestFiles(names.map((name) => path.join(folder, name))),
    };
  } catch (error) {
    close();
    throw error;
  }
}

function namesOf({ names = {} }: Architecture): (role: Role, layer: number) => string {
  return (role, layer) => {
    if (role === 'embedding') return 'model.embed_tokens.weight';
    if (role === 'head') return 'lm_head.weight';
    if (role === 'finalNorm') return 'model.norm.weight';
    return `model.layers.${layer}.${names[role] ?? LAYER_NAMES[role]}`;
  };
}

function weightFiles(folder: string): string[] {
  if (existsSync(path.join(folder, SINGLE))) return [SINGLE];
  const index = new JsonFile(path.join(folder, INDEX));
  const names = [...new Set(Object.values(index.object('weight_map')))].sort();
  for (const name of names) {
    // The index is part of the source: it must not lead out of its folder.
    if (typeof name !== 'string' || !/^[\w-][\w.-]*\.safetensors$/.test(name)) {
      throw index.invalid(`it names the weight file ${JSON.stringify(name)}`);
    }
  }
  return names as string[];
}

/** Packers write a bias of zeros where there was none. */
function isEmptyBias(name: string, tensor: TensorEntry): boolean {
  return name.endsWith('_proj.bias') && readFloats(tensor, tensor.shape).every((value) => value === 0);
}

/** What Hugging Face calls the activations that there are here. */
const ACTIVATIONS = { silu: 'silu', 'gelu-tanh': 'gelu_pytorch_tanh' } as const;

function refuseUnsupported(config: JsonFile, activation: keyof typeof ACTIVATIONS): void {
  const expected = ACTIVATIONS[activation];
  const named = config.text('hidden_activation', config.text('hidden_act', expected));
  if (named !== expected) throw config.invalid(`the activation ${named} is not supported (${expected} is)`);
  const rotated = config.number('partial_rotary_factor', 1);
  if (rotated !== 1) throw config.invalid(`rotating ${rotated} of a head is not supported (1 is)`);
}

function readShape(config: JsonFile, window: number, scaling: RopeScaling): DecoderShape {
  const heads = config.number('num_attention_heads');
  const hiddenSize = config.number('hidden_size');
  return {
    layers: config.number('num_hidden_layers'),
    hiddenSize,
    heads,
    kvHeads: config.number('num_key_value_heads', heads),
    headDim: config.number('head_dim', hiddenSize / heads),
    mlpSize: config.number('intermediate_size'),
    vocabSize: config.number('vocab_size'),
    maxPositions: usablePositions(config.number('max_position_embeddings'), window, scaling),
  };
}

/**
 * Both spellings: `rope_theta` with `rope_scaling`, and `rope_parameters` which holds all (transformers 5), by kind of layer
 * where layers differ.
 */
function readRope(config: JsonFile): { theta: number; scaling: RopeScaling } {
  const parameters = config.optional('rope_parameters');
  const merged = parameters?.optional('full_attention') ?? parameters;
  const theta = merged?.number('rope_theta') ?? config.number('rope_theta', 10_000);
  const scaling = merged ?? config.optional('rope_scaling');
  const kind = scaling ? scaling.text('rope_type', scaling.text('type', 'default')) : 'default';
  switch (kind) {
    case 'default':
      return { theta, scaling: { kind: 'none' } };
    case 'linear':
      return { theta, scaling: { kind, factor: scaling!.number('factor') } };
    case 'llama3':
      return {
        theta,
        scaling: {
          kind,
          factor: scaling!.number('factor'),
          lowFrequencyFactor: scaling!.number('low_freq_factor'),
          highFrequencyFactor: scaling!.number('high_freq_factor'),
          originalPositions: scaling!.number('original_max_position_embeddings'),
        },
      };
    case 'yarn':
      return { theta, scaling: yarnOf(scaling!, config.number('max_position_embeddings')) };
    default:
      throw config.invalid(`the rope scaling ${kind} is not supported (linear, llama3 and yarn are)`);
  }
}

function yarnOf(scaling: JsonFile, positions: number): RopeScaling {
  if (!scaling.flag('truncate', true)) throw scaling.invalid('yarn scaling that is not truncated is not supported');
  const factor = scaling.number('factor');
  const scaled = (key: string) => yarnMagnitude(factor, scaling.number(key));
  const usual =
    scaling.has('mscale') && scaling.has('mscale_all_dim')
      ? scaled('mscale') / scaled('mscale_all_dim')
      : yarnMagnitude(factor, 1);
  return {
    kind: 'yarn',
    factor,
    originalPositions: scaling.number('original_max_position_embeddings', positions),
    fastTurns: scaling.number('beta_fast', FAST_TURNS),
    slowTurns: scaling.number('beta_slow', SLOW_TURNS),
    magnitude: scaling.number('attention_factor', usual),
  };
}
