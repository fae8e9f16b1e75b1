import type { LoraSite } from '../../contracts/model-manifest.js';
import { GraphWriter, MICROSOFT } from '../onnx/graph-writer.js';
import { asStockHoldsIt } from '../onnx/linear.js';
import { DataType } from '../onnx/schema.js';
import { middleLevels, type QuantizedMatrix } from '../tensors/quantized-matrix.js';
import { BLOCK } from '../tensors/tensor.js';
import type { DecoderCheckpoint, MatrixRole } from './checkpoint.js';
import type { DecoderOperators, Projections } from './operators.js';
import { inverseFrequencies, rotaryTables } from './rope.js';

/** A graph and, for the record, the form in which each kind of linear was written. */
export interface WrittenDecoder {
  readonly model: Uint8Array;
  readonly representation: Readonly<Record<string, string>>;
}

export type OperatorSet = (graph: GraphWriter, checkpoint: DecoderCheckpoint) => DecoderOperators;

/** Writes the decoder over one set of operators; `contracts/model-manifest.ts` describes it. Weights go to `dataFile`. */
export function writeDecoder(
  checkpoint: DecoderCheckpoint,
  operatorSet: OperatorSet,
  dataFile: string,
): WrittenDecoder {
  const graph = new GraphWriter(dataFile);
  const { layers, hiddenSize, heads, kvHeads, headDim, vocabSize } = checkpoint.shape;
  const forms = new Map<string, Set<string>>();
  const load = (kind: string, role: MatrixRole, layer: number): QuantizedMatrix => {
    const matrix = checkpoint.matrix(role, layer);
    forms.set(kind, (forms.get(kind) ?? new Set()).add(matrix.form));
    return matrix;
  };
  const loadAll = (site: LoraSite, layer: number, ...roles: MatrixRole[]) => ({
    site,
    layer,
    parts: roles.map((role) => load(site, role, layer)),
  });

  const ids = graph.input('input_ids', DataType.int64, ['N']);
  graph.input('sel_idx', DataType.int64, ['R']);
  writeRotaryTables(graph, checkpoint);
  const operators = operatorSet(graph, checkpoint);

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
  /** Queries and keys normalised by head. */
  const normHeads = (qkv: string, layer: number): Projections => {
    const [q, k, v] = graph.split(qkv, [heads * headDim, kvHeads * headDim, kvHeads * headDim]);
    const perHead = (values: string, name: string, weight: Float32Array, size: number) => {
      const rows = graph.node('Reshape', [values, graph.integers([-1, headDim])]);
      return graph.node('Reshape', [norm(rows, name, weight), graph.integers([-1, size])]);
    };
    return [
      perHead(q!, `l${layer}.q_norm`, checkpoint.vector('qNorm', layer), heads * headDim),
      perHead(k!, `l${layer}.k_norm`, checkpoint.vector('kNorm', layer), kvHeads * headDim),
      v!,
    ];
  };

  const loaded = load('embedding', 'embedding', 0);
  const embedding = asStockHoldsIt(loaded);
  let residual = writeEmbedding(graph, ids, embedding);
  let x = norm(residual, 'l0.attention_norm', checkpoint.vector('attentionNorm', 0));
  for (let i = 0; i < layers; i++) {
    const bias = checkpoint.qkvBias
      ? concat((['qBias', 'kBias', 'vBias'] as const).map((role) => checkpoint.vector(role, i)))
      : null;
    const qkv = operators.linear(x, { ...loadAll('qkv', i, 'q', 'k', 'v'), bias });
    const attention = operators.attention(checkpoint.qkNorm ? normHeads(qkv, i) : qkv, i);
    const o = operators.linear(attention, loadAll('o', i, 'o'));
    [x, residual] = addAndNorm(residual, o, `l${i}.mlp_norm`, checkpoint.vector('mlpNorm', i));

    const gated = operators.gatedLinear(x, loadAll('gu', i, 'gate', 'up'));
    const down = operators.linear(gated, loadAll('down', i, 'down'));
    const [name, weight] =
      i + 1 < layers
        ? [`l${i + 1}.attention_norm`, checkpoint.vector('attentionNorm', i + 1)]
        : ['final_norm', checkpoint.vector('finalNorm', 0)];
    [x, residual] = addAndNorm(residual, down, name, weight);
  }

  const selected = graph.node('Gather', [x, 'sel_idx']);
  const logits = checkpoint.tiedHead
    ? operators.logits(selected, loaded, embedding)
    : operators.logits(selected, load('head', 'head', 0), null);
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
  const { rows, columns, bits, scaleBlock, minimums } = matrix;
  const blocks = columns / scaleBlock;
  graph.tensor('embedding.codes', DataType.uint8, [rows, (columns * bits) / 8], matrix.codes);
  graph.tensor('embedding.scales', DataType.float, [rows, blocks], matrix.scales);
  const symmetric = graph.node('GatherBlockQuantized', ['embedding.codes', ids, 'embedding.scales'], {
    domain: MICROSOFT,
    attributes: { bits, block_size: scaleBlock, gather_axis: 0, quantize_axis: 1 },
  });
  if (!minimums) return symmetric;
  const table = graph.tensor('embedding.minimums', DataType.float, [rows, blocks, 1], middleLevels(matrix, minimums));
  const byBlock = graph.node('Reshape', [symmetric, graph.integers([-1, blocks, scaleBlock])]);
  const sum = graph.node('Add', [byBlock, graph.node('Gather', [table, ids])]);
  return graph.node('Reshape', [sum, graph.integers([-1, columns])]);
}

function concat(vectors: readonly Float32Array[]): Float32Array {
  return Float32Array.from(vectors.flatMap((vector) => [...vector]));
}
