import { GraphWriter, MICROSOFT } from '../onnx/graph-writer.js';
import { type LinearWeight, type LoraUpdate, writeLinear, writeMatMul } from '../onnx/linear.js';
import { declareLora } from '../onnx/lora-inputs.js';
import { DataType } from '../onnx/schema.js';
import type { QuantizedMatrix } from '../tensors/quantized-matrix.js';
import { BLOCK } from '../tensors/tensor.js';
import type { DecoderCheckpoint, MatrixRole } from './checkpoint.js';
import { inverseFrequencies, rotaryTables } from './rope.js';

/** A graph and, for the record, the form in which each kind of linear was written. */
export interface WrittenDecoder {
  readonly model: Uint8Array;
  readonly representation: Readonly<Record<string, string>>;
}

/** Writes the decoder whose inputs and outputs `contracts/model-manifest.ts` describes; weights go to `dataFile`. */
export function writeDecoder(checkpoint: DecoderCheckpoint, dataFile: string): WrittenDecoder {
  const graph = new GraphWriter(dataFile);
  const { layers, hiddenSize, heads, kvHeads, headDim, mlpSize, vocabSize } = checkpoint.shape;
  const forms = new Map<string, Set<string>>();
  const load = (kind: string, role: MatrixRole, layer: number): QuantizedMatrix => {
    const matrix = checkpoint.matrix(role, layer);
    forms.set(kind, (forms.get(kind) ?? new Set()).add(matrix.form));
    return matrix;
  };

  const ids = graph.input('input_ids', DataType.int64, ['N']);
  graph.input('bt_shape', DataType.int64, [3]);
  graph.input('seqlens_k', DataType.int32, ['B']);
  graph.input('total_seq', DataType.int32, [1]);
  graph.input('sel_idx', DataType.int64, ['R']);
  const lora = declareLora(graph);
  writeRotaryTables(graph, checkpoint);

  const norm = (x: string, name: string, weight: Float32Array): string =>
    graph.node('SimplifiedLayerNormalization', [x, graph.tensor(name, DataType.float, [weight.length], weight)], {
      attributes: { axis: -1, epsilon: { float: checkpoint.normEpsilon }, stash_type: 1 },
    });
  /** The residual sum and its norm in one operator. */
  const addAndNorm = (residual: string, y: string, name: string, weight: Float32Array): [x: string, sum: string] => {
    const sum = `${name}.sum`;
    const inputs = [residual, y, graph.tensor(name, DataType.float, [hiddenSize], weight)];
    const x = graph.node('SkipSimplifiedLayerNormalization', inputs, {
      domain: MICROSOFT,
      attributes: { epsilon: { float: checkpoint.normEpsilon } },
      outputs: [`${name}.out`, '', '', sum],
    });
    return [x, sum];
  };
  const linear = (x: string, weight: LinearWeight, update: LoraUpdate | null) => writeLinear(graph, x, weight, update);

  const embedding = load('embedding', 'embedding', 0);
  let residual = writeEmbedding(graph, ids, embedding);
  let x = norm(residual, 'l0.attention_norm', checkpoint.vector('attentionNorm', 0));
  const qkvSize = (heads + 2 * kvHeads) * headDim;

  for (let i = 0; i < layers; i++) {
    const qkvWeight: LinearWeight = {
      name: `l${i}.qkv`,
      parts: (['q', 'k', 'v'] as const).map((role) => load('qkv', role, i)),
      bias: checkpoint.qkvBias
        ? concat((['qBias', 'kBias', 'vBias'] as const).map((b) => checkpoint.vector(b, i)))
        : null,
    };
    let qkv = linear(x, qkvWeight, lora('qkv', i, hiddenSize, qkvSize));
    if (checkpoint.qkNorm) {
      const [q, k, v] = split(graph, qkv, [heads * headDim, kvHeads * headDim, kvHeads * headDim]);
      const perHead = (values: string, name: string, weight: Float32Array, size: number) => {
        const rows = graph.node('Reshape', [values, graph.integers([-1, headDim])]);
        return graph.node('Reshape', [norm(rows, name, weight), graph.integers([-1, size])]);
      };
      const normedQ = perHead(q!, `l${i}.q_norm`, checkpoint.vector('qNorm', i), heads * headDim);
      const normedK = perHead(k!, `l${i}.k_norm`, checkpoint.vector('kNorm', i), kvHeads * headDim);
      qkv = graph.node('Concat', [normedQ, normedK, v!], { attributes: { axis: -1 } });
    }
    const attention = writeAttention(graph, qkv, i, checkpoint);
    const o = linear(
      attention,
      { name: `l${i}.o`, parts: [load('o', 'o', i)], bias: null },
      lora('o', i, heads * headDim, hiddenSize),
    );
    [x, residual] = addAndNorm(residual, o, `l${i}.mlp_norm`, checkpoint.vector('mlpNorm', i));

    const gateUp = linear(
      x,
      { name: `l${i}.gu`, parts: [load('gu', 'gate', i), load('gu', 'up', i)], bias: null },
      lora('gu', i, hiddenSize, 2 * mlpSize),
    );
    const [gate, up] = split(graph, gateUp, [mlpSize, mlpSize]);
    const silu = graph.node('Mul', [gate!, graph.node('Sigmoid', [gate!])]);
    const down = linear(
      graph.node('Mul', [silu, up!]),
      { name: `l${i}.down`, parts: [load('down', 'down', i)], bias: null },
      lora('down', i, mlpSize, hiddenSize),
    );
    const [name, weight] =
      i + 1 < layers
        ? [`l${i + 1}.attention_norm`, checkpoint.vector('attentionNorm', i + 1)]
        : ['final_norm', checkpoint.vector('finalNorm', 0)];
    [x, residual] = addAndNorm(residual, down, name, weight);
  }

  const selected = graph.node('Gather', [x, 'sel_idx']);
  const logits = writeHead(graph, selected, embedding, checkpoint.tiedHead ? null : load('head', 'head', 0));
  graph.node('Identity', [logits], { outputs: [graph.output('logits', DataType.float, ['R', vocabSize])] });
  const representation = Object.fromEntries([...forms].map(([kind, set]) => [kind, [...set].map(describe).join('+')]));
  return { model: graph.finish(), representation };
}

function describe(form: string): string {
  return form === 'q8' || form === 'q4' ? `${form}-block${BLOCK}` : `${form}-exact`;
}

function writeRotaryTables(graph: GraphWriter, { shape, rope }: DecoderCheckpoint): void {
  const frequencies = inverseFrequencies(rope.theta, shape.headDim, rope.scaling);
  const { cos, sin } = rotaryTables(frequencies, shape.maxPositions);
  graph.tensor('rotary_cos', DataType.float, [shape.maxPositions, shape.headDim / 2], cos);
  graph.tensor('rotary_sin', DataType.float, [shape.maxPositions, shape.headDim / 2], sin);
}

function writeEmbedding(graph: GraphWriter, ids: string, matrix: QuantizedMatrix): string {
  const { rows, columns, bits, minimums } = matrix;
  const blocks = columns / BLOCK;
  graph.tensor('embedding.codes', DataType.uint8, [rows, (columns * bits) / 8], matrix.codes);
  graph.tensor('embedding.scales', DataType.float, [rows, blocks], matrix.scales);
  const symmetric = graph.node('GatherBlockQuantized', ['embedding.codes', ids, 'embedding.scales'], {
    domain: MICROSOFT,
    attributes: { bits, block_size: BLOCK, gather_axis: 0, quantize_axis: 1 },
  });
  if (!minimums) return symmetric;
  const table = graph.tensor('embedding.minimums', DataType.float, [rows, blocks, 1], minimums);
  const byBlock = graph.node('Reshape', [symmetric, graph.integers([-1, blocks, BLOCK])]);
  const sum = graph.node('Add', [byBlock, graph.node('Gather', [table, ids])]);
  return graph.node('Reshape', [sum, graph.integers([-1, columns])]);
}

/** Past and present are the same buffers; only the new positions are written. */
function writeAttention(graph: GraphWriter, qkv: string, layer: number, { shape }: DecoderCheckpoint): string {
  const { heads, kvHeads, headDim } = shape;
  const [pastK, pastV] = ['k', 'v'].map((half) =>
    graph.input(`past_${half}.${layer}`, DataType.float, ['B', kvHeads, 'P', headDim]),
  );
  const [presentK, presentV] = ['k', 'v'].map((half) =>
    graph.output(`present_${half}.${layer}`, DataType.float, ['B', kvHeads, 'P', headDim]),
  );
  const batched = graph.node('Reshape', [qkv, 'bt_shape']);
  const inputs = [batched, '', '', pastK!, pastV!, 'seqlens_k', 'total_seq', 'rotary_cos', 'rotary_sin'];
  const attention = graph.node('GroupQueryAttention', inputs, {
    domain: MICROSOFT,
    attributes: {
      num_heads: heads,
      kv_num_heads: kvHeads,
      scale: { float: 1 / Math.sqrt(headDim) },
      do_rotary: 1,
      rotary_interleaved: 0,
    },
    outputs: [`l${layer}.attention`, presentK!, presentV!],
  });
  return graph.node('Reshape', [attention, graph.integers([-1, heads * headDim])]);
}

function writeHead(graph: GraphWriter, x: string, embedding: QuantizedMatrix, own: QuantizedMatrix | null): string {
  if (own) return writeLinear(graph, x, { name: 'head', parts: [own], bias: null }, null);
  if (embedding.minimums) return writeLinear(graph, x, { name: 'head', parts: [embedding], bias: null }, null);
  const { rows, columns, bits } = embedding;
  const blocks = columns / BLOCK;
  return writeMatMul(graph, x, embedding, {
    codes: graph.alias('head.codes', DataType.uint8, [rows, blocks, (BLOCK * bits) / 8], 'embedding.codes'),
    scales: graph.alias('head.scales', DataType.float, [rows * blocks], 'embedding.scales'),
  });
}

function split(graph: GraphWriter, x: string, sizes: readonly number[]): string[] {
  const outputs = sizes.map((_, i) => `${x}.${i}`);
  graph.node('Split', [x, graph.integers(sizes)], { attributes: { axis: -1 }, outputs });
  return outputs;
}

function concat(vectors: readonly Float32Array[]): Float32Array {
  return Float32Array.from(vectors.flatMap((vector) => [...vector]));
}
