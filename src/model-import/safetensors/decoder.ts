import { existsSync } from 'node:fs';
import path from 'node:path';
import type { DecoderShape } from '../../contracts/model-manifest.js';
import { createCheckpoint, type DecoderCheckpoint, MAX_POSITIONS, type Role } from '../decoder/checkpoint.js';
import type { RopeScaling } from '../decoder/rope.js';
import { digestFiles } from '../files/durable.js';
import { JsonFile } from '../files/json-file.js';
import type { FloatPrecision } from '../tensors/read-matrix.js';
import type { TensorEntry } from '../tensors/tensor.js';
import { readSafetensors, type SafetensorsFile } from './reader.js';

/** `model_type` of the folders that can be imported; SmolLM is `llama`. */
const ARCHITECTURES: ReadonlySet<string> = new Set(['llama', 'mistral', 'qwen2', 'qwen3']);

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
): { checkpoint: DecoderCheckpoint; digest: () => Promise<string> } {
  const config = new JsonFile(path.join(folder, 'config.json'));
  const architecture = config.text('model_type');
  if (!ARCHITECTURES.has(architecture)) {
    const supported = [...ARCHITECTURES].join(', ');
    throw config.invalid(`the architecture ${architecture} is not supported (${supported} are)`);
  }
  refuseUnsupported(config);
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
    const tiedHead = config.flag('tie_word_embeddings', false);
    const checkpoint = createCheckpoint({
      settings: {
        architecture,
        shape: readShape(config),
        normEpsilon: config.number('rms_norm_eps', 1e-6),
        rope: readRope(config),
        tiedHead,
        qkvBias: tensors.has(nameOf('qBias', 0)),
        qkNorm: architecture === 'qwen3',
      },
      tensors,
      nameOf,
      ignored: (name) => name.endsWith('.rotary_emb.inv_freq') || (tiedHead && name === nameOf('head', 0)),
      rowOrder: null,
      floats,
      invalid: (reason) => config.invalid(reason),
      close,
    });
    return { checkpoint, digest: () => digestFiles(names.map((name) => path.join(folder, name))) };
  } catch (error) {
    close();
    throw error;
  }
}

function nameOf(role: Role, layer: number): string {
  if (role === 'embedding') return 'model.embed_tokens.weight';
  if (role === 'head') return 'lm_head.weight';
  if (role === 'finalNorm') return 'model.norm.weight';
  return `model.layers.${layer}.${LAYER_NAMES[role]}`;
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

function refuseUnsupported(config: JsonFile): void {
  const activation = config.text('hidden_act', 'silu');
  if (activation !== 'silu') throw config.invalid(`the activation ${activation} is not supported (silu is)`);
  if (config.has('quantization_config')) {
    const method = config.optional('quantization_config')!.text('quant_method', 'another format');
    throw config.invalid(
      `its weights are quantized with ${method}, which is not supported; import the original checkpoint or a GGUF file of it`,
    );
  }
  const rotated = config.number('partial_rotary_factor', 1);
  if (rotated !== 1) throw config.invalid(`rotating ${rotated} of a head is not supported (1 is)`);
}

function readShape(config: JsonFile): DecoderShape {
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
    // Within one attention window, windowed and full attention are the same.
    maxPositions: Math.min(config.number('max_position_embeddings'), attentionWindow(config), MAX_POSITIONS),
  };
}

function attentionWindow(config: JsonFile): number {
  // Qwen writes a window down even where it does not use one.
  const used = config.flag('use_sliding_window', config.text('model_type') === 'mistral');
  return used ? config.number('sliding_window', MAX_POSITIONS) : MAX_POSITIONS;
}

/** Both spellings: `rope_theta` with `rope_scaling`, and `rope_parameters` which holds all (transformers 5). */
function readRope(config: JsonFile): { theta: number; scaling: RopeScaling } {
  const merged = config.optional('rope_parameters');
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
    default:
      throw config.invalid(`the rope scaling ${kind} is not supported (linear and llama3 are)`);
  }
}
