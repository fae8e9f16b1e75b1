import type { LoraSite } from '../../contracts/model-manifest.js';
import { DataType } from '../../layouts/onnx.js';
import type { DataFile } from '../onnx/data-file.js';
import { GraphWriter, MICROSOFT } from '../onnx/graph-writer.js';
import { asStockHoldsIt } from '../onnx/linear.js';
import { middleLevels, type QuantizedMatrix } from '../tensors/quantized-matrix.js';
import type { DecoderCheckpoint } from './checkpoint.js';
import { type DecoderOperators, MAIN_TABLES, type Projections, type SiteLinear } from './operators.js';
import { inverseFrequencies, type RopeScaling, rotaryTables } from './rope.js';

export type OperatorSet = (graph: GraphWriter, checkpoint: DecoderCheckpoint) => DecoderOperators;

/** The linears of one layer, one matrix a target. */
export type LayerMatrices = Readonly<Record<LoraSite, readonly QuantizedMatrix[]>>;

/** A decoder's graph while it is written, layer after layer. */
export interface GrowingGraph {
  addLayer(layer: number, matrices: LayerMatrices): void;
  /** Adds the head (the very embedding, where the two are tied) and returns the model. */
  finish(head: QuantizedMatrix): Uint8Array;
}

/** Begins the decoder over one set of operators: inputs, tables and the embedding. */
export function startGraph(
  checkpoint: DecoderCheckpoint,
  operatorSet: OperatorSet,
  data: DataFile,
  shared: DataFile,
  embedding: QuantizedMatrix,
): GrowingGraph {
  const graph = new GraphWriter(data, shared);
  const { layers, hiddenSize, heads, kvHeads, headDim, vocabSize } = checkpoint.shape;
  const { traits } = checkpoint;
  const ids = graph.input('input_ids', DataType.int64, ['N']);
  graph.input('sel_idx', DataType.int64, ['R']);
  writeRotaryTables(graph, checkpoint);
  const operators = operatorSet(graph, checkpoint);

  const norm = (x: string, name: string, weight: Float32Array): string =>
    graph.node('SimplifiedLayerNormalization', [x, graph.sharedTensor(name, DataType.float, [weight.length], weight)], {
      attributes: { axis: -1, epsilon: { float: checkpoint.normEpsilon }, stash_type: 1 },
    });
  /** The residual sum and its norm in one operator. */
  const addAndNorm = (residual: string, y: string, name: string, weight: Float32Array): [x: string, sum: string] => {
    const sum = `${name}.sum`;
    const inputs = [residual, y, graph.sharedTensor(name, DataType.float, [hiddenSize], weight)];
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

  const table = asStockHoldsIt(embedding);
  const scaled = (x: string): string => {
    if (traits.embeddingScale === 1) return x;
    const scale = graph.tensor('embedding.scale', DataType.float, [1], Float32Array.of(traits.embeddingScale));
    return graph.node('Mul', [x, scale]);
  };
  /** What goes into the residual sum. */
  const posted = (y: string, name: string, role: 'postAttentionNorm' | 'postMlpNorm', layer: number) =>
    traits.postNorms ? norm(y, `l${layer}.${name}`, checkpoint.vector(role, layer)) : y;
  const gated = (x: string, linear: SiteLinear): string =>
    traits.activation === 'silu' ? operators.gatedLinear(x, linear) : gatedByGelu(graph, operators, x, linear);

  let residual = scaled(writeEmbedding(graph, ids, table));
  let x = norm(residual, 'l0.attention_norm', checkpoint.vector('attentionNorm', 0));
  return {
    addLayer(layer, matrices) {
      const parts = (site: LoraSite) => ({ site, layer, parts: matrices[site] });
      const bias = checkpoint.qkvBias
        ? concat((['qBias', 'kBias', 'vBias'] as const).map((role) => checkpoint.vector(role, layer)))
        : null;
      const qkv = operators.linear(x, { ...parts('qkv'), bias });
      const { rope, window } = traits.attention(layer);
      const how = { layer, tables: rope && TABLES[rope], window };
      const attention = operators.attention(traits.qkNorm ? normHeads(qkv, layer) : qkv, how);
      const o = posted(operators.linear(attention, parts('o')), 'post_attention_norm', 'postAttentionNorm', layer);
      [x, residual] = addAndNorm(residual, o, `l${layer}.mlp_norm`, checkpoint.vector('mlpNorm', layer));

      const mlp = operators.linear(gated(x, parts('gu')), parts('down'));
      const down = posted(mlp, 'post_mlp_norm', 'postMlpNorm', layer);
      const [name, weight] =
        layer + 1 < layers
          ? [`l${layer + 1}.attention_norm`, checkpoint.vector('attentionNorm', layer + 1)]
          : ['final_norm', checkpoint.vector('finalNorm', 0)];
      [x, residual] = addAndNorm(residual, down, name, weight);
    },
    finish(head) {
      const selected = graph.node('Gather', [x, 'sel_idx']);
      const logits = operators.logits(selected, head, head === embedding ? table : null);
      graph.node('Identity', [logits], { outputs: [graph.output('logits', DataType.float, ['R', vocabSize])] });
      return graph.finish();
    },
  };
}

const TABLES = { main: MAIN_TABLES, local: ['rotary_cos.local', 'rotary_sin.local'] } as const;

function writeRotaryTables(graph: GraphWriter, { shape, rope, traits }: DecoderCheckpoint): void {
  const { headDim, maxPositions, layers } = shape;
  const write = ([cosName, sinName]: readonly [string, string], theta: number, scaling: RopeScaling) => {
    const magnitude = scaling.kind === 'yarn' ? scaling.magnitude : 1;
    const { cos, sin } = rotaryTables(inverseFrequencies(theta, headDim, scaling), maxPositions, magnitude);
    graph.sharedTensor(cosName, DataType.float, [maxPositions, headDim / 2], cos);
    graph.sharedTensor(sinName, DataType.float, [maxPositions, headDim / 2], sin);
  };
  write(TABLES.main, rope.theta, rope.scaling);
  const hasLocal = Array.from({ length: layers }, (_, layer) => traits.attention(layer).rope).includes('local');
  if (hasLocal) write(TABLES.local, traits.localTheta, { kind: 'none' });
}

/** `gelu(x · gateᵀ) * (x · upᵀ)`, with the approximation by a hyperbolic tangent. */
function gatedByGelu(graph: GraphWriter, operators: DecoderOperators, x: string, linear: SiteLinear): string {
  const sizes = linear.parts.map(({ rows }) => rows);
  const [gate, up] = graph.split(operators.linear(x, linear), sizes);
  return graph.node('Mul', [graph.node('FastGelu', [gate!], { domain: MICROSOFT }), up!]);
}

function writeEmbedding(graph: GraphWriter, ids: string, matrix: QuantizedMatrix): string {
  const { rows, columns, bits, scaleBlock, minimums } = matrix;
  const blocks = columns / scaleBlock;
  graph.sharedTensor('embedding.codes', DataType.uint8, [rows, (columns * bits) / 8], matrix.codes);
  graph.sharedTensor('embedding.scales', DataType.float, [rows, blocks], matrix.scales);
  const symmetric = graph.node('GatherBlockQuantized', ['embedding.codes', ids, 'embedding.scales'], {
    domain: MICROSOFT,
    attributes: { bits, block_size: scaleBlock, gather_axis: 0, quantize_axis: 1 },
  });
  if (!minimums) return symmetric;
  const middles = middleLevels(matrix, minimums);
  const table = graph.sharedTensor('embedding.minimums', DataType.float, [rows, blocks, 1], middles);
  const byBlock = graph.node('Reshape', [symmetric, graph.integers([-1, blocks, scaleBlock])]);
  const sum = graph.node('Add', [byBlock, graph.node('Gather', [table, ids])]);
  return graph.node('Reshape', [sum, graph.integers([-1, columns])]);
}

function concat(vectors: readonly Float32Array[]): Float32Array {
  return Float32Array.from(vectors.flatMap((vector) => [...vector]));
}
