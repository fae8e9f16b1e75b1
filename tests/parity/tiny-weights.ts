import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { GgufInput, GgufTensorInput } from '../../src/model-import/gguf/writer.js';
import { type BlockForm, formNamed } from '../unit/model-import/block-forms.js';
import { floatBytes, writeGguf } from '../unit/model-import/write-gguf.js';
import { type FloatTensor, writeSafetensors } from '../unit/model-import/write-safetensors.js';

export interface TinyCase {
  readonly config: Readonly<Record<string, unknown>>;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
}

/** The weights of make-architectures.py. */
export function tinyWeights({ config, shapes }: TinyCase): Record<string, FloatTensor> {
  const entries = Object.entries(shapes).map(([name, shape], seed) => {
    const size = shape.reduce((product, length) => product * length, 1);
    const offset = isNorm(name) && !isGemma(config) ? 1 : 0;
    const values = Float32Array.from({ length: size }, (_, index) => step(index, seed) / 512 + offset);
    return [name, { shape, values }] as const;
  });
  return Object.fromEntries(entries);
}

const isNorm = (name: string) => name.endsWith('norm.weight');
/** Its norms are stored as what is added to one, in Hugging Face's folders alone. */
const isGemma = (config: TinyCase['config']) => config.model_type === 'gemma3_text';

function step(index: number, seed: number): number {
  if (index % 32 === 0) return 127;
  const hashed = (Math.imul(index + 1, 2654435761) + Math.imul(seed, 40503)) >>> 0;
  const mixed = Math.imul(hashed ^ (hashed >>> 15), 2246822519) >>> 0;
  return ((mixed >>> 16) % 255) - 127;
}

const VOCABULARY = Array.from({ length: 96 }, (_, i) => (i === 0 ? '<|end|>' : `t${i}`));

export function writeTinyFolder(folder: string, tiny: TinyCase): void {
  mkdirSync(folder, { recursive: true });
  const vocab = Object.fromEntries(VOCABULARY.map((token, id) => [token, id]));
  const write = (name: string, value: object) => writeFileSync(path.join(folder, name), JSON.stringify(value));
  write('config.json', tiny.config);
  write('tokenizer.json', {
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel' },
    model: { type: 'BPE', vocab, merges: [] },
    // With no letters in the vocabulary, these are all that a text can become.
    added_tokens: VOCABULARY.map((content, id) => ({ id, content, normalized: false, special: id === 0 })),
  });
  write('tokenizer_config.json', { eos_token: '<|end|>' });
  writeSafetensors(path.join(folder, 'model.safetensors'), tinyWeights(tiny));
}

const GGUF_NAMES: Readonly<Record<string, string>> = {
  'model.embed_tokens': 'token_embd',
  'model.norm': 'output_norm',
  lm_head: 'output',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  'self_attn.q_norm': 'attn_q_norm',
  'self_attn.k_norm': 'attn_k_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
  input_layernorm: 'attn_norm',
  post_attention_layernorm: 'ffn_norm',
};
const GEMMA_NAMES: Readonly<Record<string, string>> = {
  post_attention_layernorm: 'post_attention_norm',
  pre_feedforward_layernorm: 'ffn_norm',
  post_feedforward_layernorm: 'post_ffw_norm',
};
const GGUF_ARCHITECTURES: Readonly<Record<string, string>> = { mistral: 'llama', gemma3_text: 'gemma3' };
/** Whose rows of q and k llama.cpp's converter interleaves. */
const INTERLEAVED: ReadonlySet<unknown> = new Set(['llama', 'mistral', 'smollm3']);

/** Metadata of a tiny model as llama.cpp's converter writes it. */
export function tinyMetadata({ config }: TinyCase): Record<string, GgufInput> {
  const modelType = String(config.model_type);
  const architecture = GGUF_ARCHITECTURES[modelType] ?? modelType;
  const parameters = config.rope_parameters as Readonly<Record<string, object>>;
  const rope = (parameters.full_attention ?? parameters) as Readonly<Record<string, number>> & { rope_type: string };
  const values: Record<string, GgufInput> = {
    block_count: config.num_hidden_layers as number,
    context_length: config.max_position_embeddings as number,
    embedding_length: config.hidden_size as number,
    feed_forward_length: config.intermediate_size as number,
    'attention.head_count': config.num_attention_heads as number,
    'attention.head_count_kv': config.num_key_value_heads as number,
    'attention.key_length': config.head_dim as number,
    'attention.value_length': config.head_dim as number,
    'attention.layer_norm_rms_epsilon': config.rms_norm_eps as number,
    'rope.freq_base': rope.rope_theta!,
    'rope.dimension_count': config.head_dim as number,
  };
  if (rope.rope_type === 'linear' || rope.rope_type === 'yarn') {
    values['rope.scaling.type'] = rope.rope_type;
    values['rope.scaling.factor'] = rope.factor!;
    values['rope.scaling.original_context_length'] = rope.original_max_position_embeddings ?? 0;
  }
  if (isGemma(config)) values['attention.sliding_window'] = config.sliding_window as number;
  return {
    'general.architecture': architecture,
    ...Object.fromEntries(Object.entries(values).map(([key, value]) => [`${architecture}.${key}`, value])),
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'gpt-2',
    'tokenizer.ggml.tokens': VOCABULARY,
    'tokenizer.ggml.token_type': VOCABULARY.map((_, i) => (i === 0 ? 3 : 1)),
    'tokenizer.ggml.merges': [],
    'tokenizer.ggml.eos_token_id': 0,
  };
}

/** The tensors under llama.cpp's names and in its row order; vectors stay F32. */
export function tinyGgufTensors(tiny: TinyCase, matrices: BlockForm, weights = tinyWeights(tiny)): GgufTensorInput[] {
  const { config } = tiny;
  const interleaved = INTERLEAVED.has(config.model_type);
  const tensors = Object.entries(weights).map(([name, { shape, values }]) => {
    const rotated = /self_attn\.[qk]_proj/.test(name) && interleaved;
    const shifted = isGemma(config) && isNorm(name) ? values.map((value) => value + 1) : values;
    const ordered = rotated ? interleave(values, shape[0]!, config.head_dim as number) : shifted;
    const form = shape.length === 2 ? matrices : formNamed('F32');
    return { name: ggufName(name, isGemma(config)), shape, type: form.type, bytes: form.encode(ordered) };
  });
  const rope = config.rope_parameters as Readonly<Record<string, number | string>>;
  if (rope.rope_type !== 'llama3') return tensors;
  const divisors = llama3Divisors(rope as Readonly<Record<string, number>>, config.head_dim as number);
  return [...tensors, { name: 'rope_freqs.weight', shape: [divisors.length], type: 0, bytes: floatBytes(divisors) }];
}

export function writeTinyGguf(file: string, tiny: TinyCase): void {
  writeGguf(file, tinyMetadata(tiny), tinyGgufTensors(tiny, formNamed('F32')));
}

function ggufName(name: string, isGemma: boolean): string {
  const [, layer, part, kind] = /^(?:model\.layers\.(\d+)\.)?(.+)\.(weight|bias)$/.exec(name)!;
  return `${layer === undefined ? '' : `blk.${layer}.`}${(isGemma && GEMMA_NAMES[part!]) || GGUF_NAMES[part!]}.${kind}`;
}

/** As llama.cpp's converter: row s * half + j of a head becomes row 2j + s. */
function interleave(values: Float32Array, rows: number, headDim: number): Float32Array {
  const width = values.length / rows;
  const half = headDim / 2;
  const moved = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const inHead = row % headDim;
    const to = row - inHead + 2 * (inHead % half) + Math.floor(inHead / half);
    moved.set(values.subarray(row * width, (row + 1) * width), to * width);
  }
  return moved;
}

/** As llama.cpp's converter writes them for Llama 3.1. */
function llama3Divisors(rope: Readonly<Record<string, number>>, headDim: number): Float32Array {
  const low = rope.original_max_position_embeddings! / rope.low_freq_factor!;
  const high = rope.original_max_position_embeddings! / rope.high_freq_factor!;
  return Float32Array.from({ length: headDim / 2 }, (_, i) => {
    const wavelength = 2 * Math.PI * rope.rope_theta! ** ((2 * i) / headDim);
    if (wavelength < high) return 1;
    if (wavelength > low) return rope.factor!;
    const smooth =
      (rope.original_max_position_embeddings! / wavelength - rope.low_freq_factor!) /
      (rope.high_freq_factor! - rope.low_freq_factor!);
    return 1 / ((1 - smooth) / rope.factor! + smooth);
  });
}
