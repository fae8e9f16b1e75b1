import { DataType } from '../../layouts/onnx.js';
import { type GraphWriter, MICROSOFT } from '../onnx/graph-writer.js';
import { writeLinear, writeMatMul } from '../onnx/linear.js';
import type { QuantizedMatrix } from '../tensors/quantized-matrix.js';
import type { DecoderCheckpoint } from './checkpoint.js';
import { declareLora } from './grouped-lora.js';
import type { DecoderOperators, SiteLinear } from './operators.js';

/** onnxruntime's own operators. Their inputs: contracts/model-manifest.ts, "stock". */
export function stockOperators(graph: GraphWriter, checkpoint: DecoderCheckpoint): DecoderOperators {
  return operatorsWith(graph, checkpoint, DataType.float);
}

/** The same with attention in half precision, the only one that CUDA has: contracts/model-manifest.ts, "half". */
export function halfOperators(graph: GraphWriter, checkpoint: DecoderCheckpoint): DecoderOperators {
  return operatorsWith(graph, checkpoint, DataType.float16);
}

function operatorsWith(
  graph: GraphWriter,
  { shape, traits }: DecoderCheckpoint,
  attentionType: typeof DataType.float | typeof DataType.float16,
): DecoderOperators {
  const { heads, kvHeads, headDim } = shape;
  const cast = (x: string, from: DataType, to: DataType) =>
    from === to ? x : graph.node('Cast', [x], { attributes: { to } });
  const toAttention = (x: string) => cast(x, DataType.float, attentionType);
  const casts = new Map<string, string>();
  const table = (name: string): string => {
    if (!casts.has(name)) casts.set(name, toAttention(name));
    return casts.get(name)!;
  };
  graph.input('bt_shape', DataType.int64, [3]);
  graph.input('seqlens_k', DataType.int32, ['B']);
  graph.input('total_seq', DataType.int32, [1]);
  const lora = declareLora(graph);

  const linear = (x: string, { site, layer, parts, bias = null }: SiteLinear): string => {
    const rows = parts.reduce((sum, part) => sum + part.rows, 0);
    const update = lora(site, layer, parts[0]!.columns, rows);
    return writeLinear(graph, x, { name: `l${layer}.${site}`, parts, bias }, update);
  };

  return {
    linear,
    gatedLinear(x, gateUp) {
      const both = linear(x, gateUp);
      const sizes = gateUp.parts.map(({ rows }) => rows);
      const [gate, up] = graph.split(both, sizes);
      const silu = graph.node('Mul', [gate!, graph.node('Sigmoid', [gate!])]);
      return graph.node('Mul', [silu, up!]);
    },
    /** Past and present are the same buffers; only the new positions are written. */
    attention(projections, { layer, tables, window }) {
      const qkv =
        typeof projections === 'string' ? projections : graph.node('Concat', projections, { attributes: { axis: -1 } });
      const [pastK, pastV] = ['k', 'v'].map((half) =>
        graph.input(`past_${half}.${layer}`, attentionType, ['B', kvHeads, 'P', headDim]),
      );
      const [presentK, presentV] = ['k', 'v'].map((half) =>
        graph.output(`present_${half}.${layer}`, attentionType, ['B', kvHeads, 'P', headDim]),
      );
      const batched = graph.node('Reshape', [toAttention(qkv), 'bt_shape']);
      const rotary = (tables ?? []).map(table);
      const inputs = [batched, '', '', pastK!, pastV!, 'seqlens_k', 'total_seq', ...rotary];
      const attention = graph.node('GroupQueryAttention', inputs, {
        domain: MICROSOFT,
        attributes: {
          num_heads: heads,
          kv_num_heads: kvHeads,
          scale: { float: traits.attentionScale },
          do_rotary: Number(tables !== null),
          rotary_interleaved: 0,
          ...(window !== null && { local_window_size: window }),
        },
        outputs: [`l${layer}.attention`, presentK!, presentV!],
      });
      const flat = graph.node('Reshape', [attention, graph.integers([-1, heads * headDim])]);
      return cast(flat, attentionType, DataType.float);
    },
    logits: (x, head, embedding) =>
      embedding && !embedding.minimums
        ? writeTiedHead(graph, x, embedding)
        : writeLinear(graph, x, { name: 'head', parts: [head], bias: null }, null),
  };
}

/** Over the very bytes of the embedding. */
function writeTiedHead(graph: GraphWriter, x: string, embedding: QuantizedMatrix): string {
  const { rows, columns, bits, scaleBlock } = embedding;
  const blocks = columns / scaleBlock;
  return writeMatMul(graph, x, embedding, {
    codes: graph.alias('head.codes', DataType.uint8, [rows, blocks, (scaleBlock * bits) / 8], 'embedding.codes'),
    scales: graph.alias('head.scales', DataType.float, [rows * blocks], 'embedding.scales'),
  });
}
