import type { LoraSite } from '../../contracts/model-manifest.js';
import { DataType } from '../../layouts/onnx.js';
import type { GraphWriter } from '../onnx/graph-writer.js';
import type { LoraUpdate } from '../onnx/linear.js';

/** Makes the update of one site of one layer, `columns` wide in and `rows` wide out. */
export type LoraSites = (site: LoraSite, layer: number, columns: number, rows: number) => LoraUpdate;

/**
 * Low-rank updates with the tokens grouped by adapter (S groups of M places), so that no weights are gathered: each
 * adapter's A and B are read once a step whatever the number of its tokens. Declares the inputs that all sites share.
 * S = 0, M = 0 and rank 0 are all valid and leave y as it is.
 */
export function declareLora(graph: GraphWriter): LoraSites {
  const indexes = graph.input('lora_gidx', DataType.int64, ['S*M']);
  const shape = graph.input('lora_shape', DataType.int64, [2]);
  const back = graph.input('lora_back', DataType.int64, ['N']);
  const groupShapeOf = once((columns: number) =>
    graph.node('Concat', [shape, graph.integers([columns])], { attributes: { axis: 0 } }),
  );
  const zeroRowOf = once((rows: number) =>
    graph.tensor(`lora_zero_row.${rows}`, DataType.float, [1, rows], new Float32Array(rows)),
  );
  const zeroPlace = graph.node('Shape', [indexes]);
  // With rank 0 onnxruntime's MatMul clears the product of the first group and leaves the others as they were in memory
  // (1.30), so that no token may point to them then. A site's rank is the same in all layers: one decision a step.
  const placesOf = once((site: LoraSite) => {
    const rank = graph.node('Shape', [`A.${site}.0`], { attributes: { start: 1, end: 2 } });
    return graph.node('Where', [graph.node('Equal', [rank, graph.integers([0])]), zeroPlace, back]);
  });

  return (site, layer, columns, rows) => {
    const a = graph.input(`A.${site}.${layer}`, DataType.float, ['S', `R_${site}`, columns]);
    const b = graph.input(`B.${site}.${layer}`, DataType.float, ['S', `R_${site}`, rows]);
    return (x, y) => {
      const tokens = graph.node('Gather', [x, indexes]);
      const groups = graph.node('Reshape', [tokens, groupShapeOf(columns)], { attributes: { allowzero: 1 } });
      // On a CPU onnxruntime makes one operator of these two; GPUs have no such operator.
      const columnsFirst = graph.node('Transpose', [a], { attributes: { perm: [0, 2, 1] } });
      const down = graph.node('MatMul', [groups, columnsFirst]);
      const up = graph.node('Reshape', [graph.node('MatMul', [down, b]), graph.integers([-1, rows])]);
      // One more row, of zeros: where tokens without an adapter point to.
      const padded = graph.node('Concat', [up, zeroRowOf(rows)], { attributes: { axis: 0 } });
      return graph.node('Add', [y, graph.node('Gather', [padded, placesOf(site)])]);
    };
  };
}

/** Writes a value at its first use and names it again at the others. */
function once<K>(make: (key: K) => string): (key: K) => string {
  const known = new Map<K, string>();
  return (key) => {
    const name = known.get(key) ?? make(key);
    known.set(key, name);
    return name;
  };
}
