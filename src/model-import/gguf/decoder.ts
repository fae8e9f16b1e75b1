import type { DecoderShape } from '../../contracts/model-manifest.js';
import { createCheckpoint, type DecoderCheckpoint, MAX_POSITIONS, type Role } from '../decoder/checkpoint.js';
import type { RopeScaling } from '../decoder/rope.js';
import { readFloats } from '../tensors/read-floats.js';
import type { FloatPrecision } from '../tensors/read-matrix.js';
import { type Metadata, typedMetadata } from './metadata.js';
import type { GgufFile } from './reader.js';

/** `general.architecture` of the files that can be imported; Mistral and SmolLM are `llama` there. */
const ARCHITECTURES: ReadonlySet<string> = new Set(['llama', 'qwen2', 'qwen3']);

const NAMES: Record<Role, string> = {
  embedding: 'token_embd.weight',
  head: 'output.weight',
  finalNorm: 'output_norm.weight',
  q: 'attn_q.weight',
  k: 'attn_k.weight',
  v: 'attn_v.weight',
  o: 'attn_output.weight',
  gate: 'ffn_gate.weight',
  up: 'ffn_up.weight',
  down: 'ffn_down.weight',
  attentionNorm: 'attn_norm.weight',
  mlpNorm: 'ffn_norm.weight',
  qBias: 'attn_q.bias',
  kBias: 'attn_k.bias',
  vBias: 'attn_v.bias',
  qNorm: 'attn_q_norm.weight',
  kNorm: 'attn_k_norm.weight',
};
const ONCE: ReadonlySet<Role> = new Set(['embedding', 'head', 'finalNorm']);
const ROPE_DIVISORS = 'rope_freqs.weight';

/** A GGUF model as a checkpoint; closing it closes its files. */
export function openGgufDecoder(gguf: GgufFile, floats: FloatPrecision): DecoderCheckpoint {
  const { file, tensors } = gguf;
  const metadata = typedMetadata(gguf);
  const architecture = metadata.text('general.architecture');
  if (!ARCHITECTURES.has(architecture)) {
    const supported = [...ARCHITECTURES].join(', ');
    throw file.invalid(`the architecture ${architecture} is not supported (${supported} are)`);
  }
  const shape = readShape(gguf, metadata, architecture);
  return createCheckpoint({
    settings: {
      architecture,
      shape,
      normEpsilon: metadata.number(`${architecture}.attention.layer_norm_rms_epsilon`),
      rope: {
        theta: metadata.number(`${architecture}.rope.freq_base`, 10_000),
        scaling: readScaling(gguf, metadata, architecture, shape),
      },
      tiedHead: !tensors.has(NAMES.head),
      qkvBias: tensors.has(nameOf('qBias', 0)),
      qkNorm: architecture === 'qwen3',
    },
    tensors,
    nameOf,
    ignored: (name) => name === ROPE_DIVISORS,
    rowOrder: architecture === 'llama' ? halvesFromPairs : null,
    floats,
    invalid: (reason) => file.invalid(reason),
    close: gguf.close,
  });
}

function nameOf(role: Role, layer: number): string {
  return ONCE.has(role) ? NAMES[role] : `blk.${layer}.${NAMES[role]}`;
}

/**
 * llama.cpp's converter interleaves the two halves of each head's rotary pairs for the llama architecture: its row
 * 2j + s of a head is Hugging Face's row s * headDim/2 + j.
 */
function halvesFromPairs(heads: number, headDim: number): Uint32Array {
  const half = headDim / 2;
  return Uint32Array.from({ length: heads * headDim }, (_, row) => {
    const inHead = row % headDim;
    return row - inHead + 2 * (inHead % half) + Math.floor(inHead / half);
  });
}

function readShape(gguf: GgufFile, metadata: Metadata, architecture: string): DecoderShape {
  const heads = metadata.number(`${architecture}.attention.head_count`);
  const hiddenSize = metadata.number(`${architecture}.embedding_length`);
  const headDim = metadata.number(`${architecture}.attention.key_length`, hiddenSize / heads);
  const rotated = metadata.number(`${architecture}.rope.dimension_count`, headDim);
  const valueDim = metadata.number(`${architecture}.attention.value_length`, headDim);
  if (rotated !== headDim || valueDim !== headDim) {
    throw gguf.file.invalid(`heads of ${headDim} with ${rotated} rotated and values of ${valueDim} are not supported`);
  }
  const window = metadata.number(`${architecture}.attention.sliding_window`, MAX_POSITIONS);
  return {
    layers: metadata.number(`${architecture}.block_count`),
    hiddenSize,
    heads,
    kvHeads: metadata.number(`${architecture}.attention.head_count_kv`, heads),
    headDim,
    mlpSize: metadata.number(`${architecture}.feed_forward_length`),
    vocabSize: gguf.tensors.get(NAMES.embedding)?.shape[0] ?? 0,
    // Within one attention window, windowed and full attention are the same.
    maxPositions: Math.min(metadata.number(`${architecture}.context_length`), window || MAX_POSITIONS, MAX_POSITIONS),
  };
}

function readScaling(gguf: GgufFile, metadata: Metadata, architecture: string, shape: DecoderShape): RopeScaling {
  const divisors = gguf.tensors.get(ROPE_DIVISORS);
  if (divisors) return { kind: 'divisors', divisors: [...readFloats(divisors, [shape.headDim / 2])] };
  const kind = metadata.text(`${architecture}.rope.scaling.type`, 'none');
  if (kind === 'none') return { kind };
  if (kind !== 'linear') throw gguf.file.invalid(`the rope scaling ${kind} is not supported (linear and llama3 are)`);
  return { kind, factor: metadata.number(`${architecture}.rope.scaling.factor`) };
}
