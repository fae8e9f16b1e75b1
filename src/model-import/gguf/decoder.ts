import type { DecoderShape } from '../../contracts/model-manifest.js';
import { architectureNamed } from '../architectures/all.js';
import {
  createCheckpoint,
  type DecoderCheckpoint,
  plainTraits,
  type Role,
  usablePositions,
} from '../decoder/checkpoint.js';
import { FAST_TURNS, type RopeScaling, SLOW_TURNS, yarnMagnitude } from '../decoder/rope.js';
import { readFloats } from '../tensors/read-floats.js';
import type { FloatPrecision } from '../tensors/read-matrix.js';
import { type Metadata, typedMetadata } from './metadata.js';
import type { GgufFile } from './reader.js';

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
  postAttentionNorm: 'post_attention_norm.weight',
  postMlpNorm: 'post_ffw_norm.weight',
};
const ONCE: ReadonlySet<Role> = new Set(['embedding', 'head', 'finalNorm']);
const ROPE_DIVISORS = 'rope_freqs.weight';

/** A GGUF model as a checkpoint; closing it closes its files. */
export function openGgufDecoder(gguf: GgufFile, floats: FloatPrecision): DecoderCheckpoint {
  const { file, tensors } = gguf;
  const metadata = typedMetadata(gguf);
  const architecture = metadata.text('general.architecture');
  const { fromGguf, ggufPairs } = architectureNamed(architecture, (known) => [known.gguf], metadata.invalid);
  const { window = 0, ...traits } = fromGguf(metadata);
  const { scaling, shape } = readShape(gguf, metadata, architecture, window);
  return createCheckpoint({
    settings: {
      architecture,
      shape,
      normEpsilon: metadata.number(`${architecture}.attention.layer_norm_rms_epsilon`),
      rope: {
        theta: metadata.number(`${architecture}.rope.freq_base`, 10_000),
        scaling,
      },
      tiedHead: !tensors.has(NAMES.head),
      qkvBias: tensors.has(nameOf('qBias', 0)),
      traits: { ...plainTraits(shape.headDim), ...traits },
    },
    tensors,
    nameOf,
    ignored: (name) => name === ROPE_DIVISORS,
    rowOrder: ggufPairs ? halvesFromPairs : null,
    floats,
    invalid: (reason) => file.invalid(reason),
    close: gguf.close,
  });
}

function nameOf(role: Role, layer: number): string {
  return ONCE.has(role) ? NAMES[role] : `blk.${layer}.${NAMES[role]}`;
}

/**
 * llama.cpp's converter interleaves the two halves of each head's rotary pairs for some architectures: its row
 * 2j + s of a head is Hugging Face's row s * headDim/2 + j.
 */
function halvesFromPairs(heads: number, headDim: number): Uint32Array {
  const half = headDim / 2;
  return Uint32Array.from({ length: heads * headDim }, (_, row) => {
    const inHead = row % headDim;
    return row - inHead + 2 * (inHead % half) + Math.floor(inHead / half);
  });
}

function readShape(
  gguf: GgufFile,
  metadata: Metadata,
  architecture: string,
  window: number,
): { shape: DecoderShape; scaling: RopeScaling } {
  const heads = metadata.number(`${architecture}.attention.head_count`);
  const hiddenSize = metadata.number(`${architecture}.embedding_length`);
  const headDim = metadata.number(`${architecture}.attention.key_length`, hiddenSize / heads);
  const rotated = metadata.number(`${architecture}.rope.dimension_count`, headDim);
  const valueDim = metadata.number(`${architecture}.attention.value_length`, headDim);
  if (rotated !== headDim || valueDim !== headDim) {
    throw gguf.file.invalid(`heads of ${headDim} with ${rotated} rotated and values of ${valueDim} are not supported`);
  }
  const scaling = readScaling(gguf, metadata, architecture, headDim);
  const shape = {
    layers: metadata.number(`${architecture}.block_count`),
    hiddenSize,
    heads,
    kvHeads: metadata.number(`${architecture}.attention.head_count_kv`, heads),
    headDim,
    mlpSize: metadata.number(`${architecture}.feed_forward_length`),
    vocabSize: gguf.tensors.get(NAMES.embedding)?.shape[0] ?? 0,
    maxPositions: usablePositions(metadata.number(`${architecture}.context_length`), window, scaling),
  };
  return { shape, scaling };
}

function readScaling(gguf: GgufFile, metadata: Metadata, architecture: string, headDim: number): RopeScaling {
  const divisors = gguf.tensors.get(ROPE_DIVISORS);
  if (divisors) return { kind: 'divisors', divisors: [...readFloats(divisors, [headDim / 2])] };
  const key = (name: string) => `${architecture}.rope.scaling.${name}`;
  const kind = metadata.text(key('type'), 'none');
  switch (kind) {
    case 'none':
      return { kind };
    case 'linear':
      return { kind, factor: metadata.number(key('factor')) };
    case 'yarn': {
      const factor = metadata.number(key('factor'));
      if (metadata.number(key('yarn_log_multiplier'), 0) !== 0) {
        throw metadata.invalid('yarn scaling with a log multiplier is not supported');
      }
      return {
        kind,
        factor,
        originalPositions: metadata.number(
          key('original_context_length'),
          metadata.number(`${architecture}.context_length`),
        ),
        fastTurns: metadata.number(key('yarn_beta_fast'), FAST_TURNS),
        slowTurns: metadata.number(key('yarn_beta_slow'), SLOW_TURNS),
        magnitude: metadata.number(key('attn_factor'), 1) * yarnMagnitude(factor, 1),
      };
    }
    default:
      throw metadata.invalid(`the rope scaling ${kind} is not supported (linear, llama3 and yarn are)`);
  }
}
