/** The served file as Hugging Face would have it: the same weights in bf16, for servers that read no GGUF. */
import { copyFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { DecoderCheckpoint, MatrixRole } from '../../src/model-import/decoder/checkpoint.js';
import { openGgufDecoder } from '../../src/model-import/gguf/decoder.js';
import { readGguf } from '../../src/model-import/gguf/reader.js';
import type { QuantizedMatrix } from '../../src/model-import/tensors/quantized-matrix.js';
import { BLOCK } from '../../src/model-import/tensors/tensor.js';
import type { PeerContext } from './peer.js';
import { encodeHalves, type HalfTensor } from './safetensors.js';

const LINEARS: readonly (readonly [MatrixRole, string])[] = [
  ['q', 'self_attn.q_proj'],
  ['k', 'self_attn.k_proj'],
  ['v', 'self_attn.v_proj'],
  ['o', 'self_attn.o_proj'],
  ['gate', 'mlp.gate_proj'],
  ['up', 'mlp.up_proj'],
  ['down', 'mlp.down_proj'],
];

export function writeDequantizedModel(
  { modelFile, modelDir, manifest, say }: Pick<PeerContext, 'modelFile' | 'modelDir' | 'manifest' | 'say'>,
  folder: string,
): void {
  say('Writing the model as bf16 safetensors.');
  const temporary = `${folder}.tmp`;
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary);
  const checkpoint = openGgufDecoder(readGguf(modelFile), 'q8');
  try {
    writeFileSync(path.join(temporary, 'model.safetensors'), encodeHalves('BF16', tensorsOf(checkpoint)));
    writeFileSync(
      path.join(temporary, 'config.json'),
      JSON.stringify(huggingFaceConfig(checkpoint, manifest.tokenizer.eosIds)),
    );
  } finally {
    checkpoint.close();
  }
  copyFileSync(path.join(modelDir, manifest.tokenizer.file), path.join(temporary, 'tokenizer.json'));
  copyFileSync(path.join(modelDir, manifest.tokenizer.configFile), path.join(temporary, 'tokenizer_config.json'));
  renameSync(temporary, folder);
}

export function huggingFaceConfig(
  { shape, normEpsilon, rope, tiedHead }: DecoderCheckpoint,
  eosIds: readonly number[],
) {
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    torch_dtype: 'bfloat16',
    hidden_act: 'silu',
    hidden_size: shape.hiddenSize,
    intermediate_size: shape.mlpSize,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.kvHeads,
    head_dim: shape.headDim,
    vocab_size: shape.vocabSize,
    max_position_embeddings: shape.maxPositions,
    rms_norm_eps: normEpsilon,
    rope_theta: rope.theta,
    tie_word_embeddings: tiedHead,
    eos_token_id: eosIds,
  };
}

function tensorsOf(checkpoint: DecoderCheckpoint): Record<string, HalfTensor> {
  const matrix = (role: MatrixRole, layer = 0) => dequantize(checkpoint.matrix(role, layer));
  const vector = (values: Float32Array): HalfTensor => ({ shape: [values.length], bits: toBf16(values) });
  const tensors: Record<string, HalfTensor> = {
    'model.embed_tokens.weight': matrix('embedding'),
    'model.norm.weight': vector(checkpoint.vector('finalNorm', 0)),
  };
  if (!checkpoint.tiedHead) tensors['lm_head.weight'] = matrix('head');
  for (let layer = 0; layer < checkpoint.shape.layers; layer++) {
    const prefix = `model.layers.${layer}`;
    for (const [role, name] of LINEARS) tensors[`${prefix}.${name}.weight`] = matrix(role, layer);
    tensors[`${prefix}.input_layernorm.weight`] = vector(checkpoint.vector('attentionNorm', layer));
    tensors[`${prefix}.post_attention_layernorm.weight`] = vector(checkpoint.vector('mlpNorm', layer));
  }
  return tensors;
}

function dequantize({ rows, columns, bits, codes, scales, minimums }: QuantizedMatrix): HalfTensor {
  const middle = 1 << (bits - 1);
  const values = new Float32Array(rows * columns);
  for (let i = 0; i < values.length; i++) {
    const block = Math.floor(i / BLOCK);
    const code = bits === 8 ? codes[i]! : (codes[i >> 1]! >> (4 * (i & 1))) & 15;
    values[i] = minimums ? scales[block]! * code + minimums[block]! : scales[block]! * (code - middle);
  }
  return { shape: [rows, columns], bits: toBf16(values) };
}

/** Rounds to the nearest, ties to even. */
function toBf16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const words = new Uint16Array(values.length);
  for (let i = 0; i < words.length; i++) words[i] = (bits[i]! + 0x7fff + ((bits[i]! >>> 16) & 1)) >>> 16;
  return words;
}
