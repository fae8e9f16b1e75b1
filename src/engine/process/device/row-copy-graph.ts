import { DataType, encodeModel } from '../../../layouts/onnx.js';

export interface RowCopyGraph {
  readonly model: Uint8Array;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/**
 * An ONNX graph that copies row `from_row` of each `from.{i}` into row `to_row` of `to.{i}`, for tensors of any shape.
 * Its outputs are to be bound to the very buffers of `to.{i}`; then only that row is written.
 */
export function rowCopyGraph(element: 'float' | 'float16', pairs: number): RowCopyGraph {
  const named = (name: string) => Array.from({ length: pairs }, (_, i) => `${name}.${i}`);
  const [from, rows, to, outputs] = ['from', 'row', 'to', 'out'].map(named) as [string[], string[], string[], string[]];
  const node = rows.flatMap((row, i) => [
    { op_type: 'Gather', input: [from[i], 'from_row'], output: [row] },
    { op_type: 'ScatterND', input: [to[i], 'to_row', row], output: [outputs[i]] },
  ]);
  // Without a shape: tensors of any.
  const typed = (type: number) => (name: string) => ({ name, type: { tensor_type: { elem_type: type } } });
  const numbers = ['from_row', 'to_row'];
  const tensors = [...from, ...to];
  const input = [...numbers.map(typed(DataType.int64)), ...tensors.map(typed(DataType[element]))];
  const output = outputs.map(typed(DataType[element]));
  const model = encodeModel({ name: 'row_copies', node, input, output });
  return { model, inputs: [...numbers, ...tensors], outputs };
}
