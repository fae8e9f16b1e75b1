/** The served file as transformers.js expects a decoder: growing keys and values in, grown ones out. Llama only. */

import { DataType } from '../../src/layouts/onnx.js';
import type { DecoderCheckpoint, MatrixRole } from '../../src/model-import/decoder/checkpoint.js';
import { inverseFrequencies, rotaryTables } from '../../src/model-import/decoder/rope.js';
import { DataFile } from '../../src/model-import/onnx/data-file.js';
import { GraphWriter, MICROSOFT } from '../../src/model-import/onnx/graph-writer.js';
import { writeLinear, writeMatMul } from '../../src/model-import/onnx/linear.js';
import { BLOCK } from '../../src/model-import/tensors/tensor.js';

/** Returns the model; weights go to `dataFile`. The same quantized operators that public exports for it have. */
export function writeTransformersGraph(checkpoint: DecoderCheckpoint, dataFile: string): Uint8Array {
  const data = new DataFile(dataFile);
  const graph = new GraphWriter(data);
  const { layers, hiddenSize, heads, kvHeads, headDim, vocabSize } = checkpoint.shape;
  const { float, int32, int64 } = DataType;
  const flat = (x: string) => graph.node('Reshape', [x, graph.integers([-1, hiddenSize])]);

  const ids = graph.input('input_ids', int64, ['batch_size', 'sequence_length']);
  const mask = graph.input('attention_mask', int64, ['batch_size', 'total_sequence_length']);
  const batched = graph.node('Concat', [graph.node('Shape', [ids]), graph.integers([-1])], { attributes: { axis: 0 } });
  const toInt32 = (x: string) => graph.node('Cast', [x], { attributes: { to: int32 } });
  const lengths = graph.node('ReduceSum', [mask, graph.integers([1])], { attributes: { keepdims: 0 } });
  const lastPositions = toInt32(graph.node('Sub', [lengths, graph.integers([1])]));
  const total = toInt32(graph.node('Gather', [graph.node('Shape', [mask]), graph.integers([1])]));

  const { cos, sin } = rotaryTables(
    inverseFrequencies(checkpoint.rope.theta, headDim, checkpoint.rope.scaling),
    checkpoint.shape.maxPositions,
  );
  const rotary = Object.entries({ cos, sin }).map(([name, table]) =>
    graph.tensor(`rotary_${name}`, float, [checkpoint.shape.maxPositions, headDim / 2], table),
  );
  const epsilon = { float: checkpoint.normEpsilon };
  const weight = (name: string, values: Float32Array) => graph.tensor(name, float, [values.length], values);
  const addAndNorm = (residual: string, y: string, name: string, values: Float32Array): [string, string] => {
    const sum = `${name}.sum`;
    const x = graph.node('SkipSimplifiedLayerNormalization', [residual, y, weight(name, values)], {
      domain: MICROSOFT,
      attributes: { epsilon },
      outputs: [`${name}.out`, '', '', sum],
    });
    return [x, sum];
  };
  const linear = (x: string, layer: number, name: string, ...roles: MatrixRole[]) => {
    const parts = roles.map((role) => checkpoint.matrix(role, layer));
    return writeLinear(graph, x, { name: `l${layer}.${name}`, parts, bias: null }, null);
  };
  const attend = (qkv: string, layer: number): string => {
    const halves = ['key', 'value'] as const;
    const past = halves.map((half) =>
      graph.input(`past_key_values.${layer}.${half}`, float, ['batch_size', kvHeads, 'past_sequence_length', headDim]),
    );
    const present = halves.map((half) =>
      graph.output(`present.${layer}.${half}`, float, ['batch_size', kvHeads, 'total_sequence_length', headDim]),
    );
    const inputs = [graph.node('Reshape', [qkv, batched]), '', '', ...past, lastPositions, total, ...rotary];
    return graph.node('GroupQueryAttention', inputs, {
      domain: MICROSOFT,
      attributes: { num_heads: heads, kv_num_heads: kvHeads, do_rotary: 1, rotary_interleaved: 0 },
      outputs: [`l${layer}.attention`, ...present],
    });
  };

  const embedding = checkpoint.matrix('embedding', 0);
  const { bits, codes, scales } = embedding;
  if (embedding.minimums || !checkpoint.tiedHead) throw new Error('only a symmetric embedding that is the head, too');
  const blocks = hiddenSize / BLOCK;
  graph.tensor('embedding.codes', DataType.uint8, [vocabSize, (hiddenSize * bits) / 8], codes);
  graph.tensor('embedding.scales', float, [vocabSize, blocks], scales);
  const head = {
    codes: graph.alias('head.codes', DataType.uint8, [vocabSize, blocks, (BLOCK * bits) / 8], 'embedding.codes'),
    scales: graph.alias('head.scales', float, [vocabSize * blocks], 'embedding.scales'),
  };
  let residual = flat(
    graph.node('GatherBlockQuantized', ['embedding.codes', ids, 'embedding.scales'], {
      domain: MICROSOFT,
      attributes: { bits, block_size: BLOCK, gather_axis: 0, quantize_axis: 1 },
    }),
  );
  let x = graph.node(
    'SimplifiedLayerNormalization',
    [residual, weight('l0.attention_norm', checkpoint.vector('attentionNorm', 0))],
    { attributes: { axis: -1, epsilon, stash_type: 1 } },
  );
  for (let i = 0; i < layers; i++) {
    const attention = attend(linear(x, i, 'qkv', 'q', 'k', 'v'), i);
    const rows = graph.node('Reshape', [attention, graph.integers([-1, heads * headDim])]);
    const o = linear(rows, i, 'o', 'o');
    [x, residual] = addAndNorm(residual, o, `l${i}.mlp_norm`, checkpoint.vector('mlpNorm', i));
    const { mlpSize } = checkpoint.shape;
    const [gate, up] = graph.split(linear(x, i, 'gu', 'gate', 'up'), [mlpSize, mlpSize]);
    const silu = graph.node('Mul', [gate!, graph.node('Sigmoid', [gate!])]);
    const down = linear(graph.node('Mul', [silu, up!]), i, 'down', 'down');
    const last = i + 1 === layers;
    const [name, values] = last
      ? ['final_norm', checkpoint.vector('finalNorm', 0)]
      : [`l${i + 1}.attention_norm`, checkpoint.vector('attentionNorm', i + 1)];
    [x, residual] = addAndNorm(residual, down, name, values);
  }
  // Only the last token's logits are looked at.
  const lastToken = graph.node('Gather', [graph.node('Reshape', [x, batched]), graph.integers([-1])], {
    attributes: { axis: 1 },
  });
  const logits = writeMatMul(graph, lastToken, embedding, head);
  graph.node('Identity', [logits], { outputs: [graph.output('logits', float, ['batch_size', 1, vocabSize])] });
  return graph.finish();
}
