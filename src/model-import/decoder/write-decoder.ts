import type { LoraSite } from '../../contracts/model-manifest.js';
import { DataFile } from '../onnx/data-file.js';
import type { QuantizedMatrix } from '../tensors/quantized-matrix.js';
import { BLOCK } from '../tensors/tensor.js';
import type { DecoderCheckpoint, MatrixRole } from './checkpoint.js';
import { type LayerMatrices, type OperatorSet, startGraph } from './decoder-graph.js';

/** One graph of the decoder; graphs that name the same data file have their operators' tensors in common. */
export interface DecoderTarget {
  readonly operators: OperatorSet;
  readonly dataFile: string;
}

export interface WrittenDecoder {
  /** One a target. */
  readonly models: readonly Uint8Array[];
  /** For the record, the form in which each kind of linear was written. */
  readonly representation: Readonly<Record<string, string>>;
}

const SITES: Readonly<Record<LoraSite, readonly MatrixRole[]>> = {
  qkv: ['q', 'k', 'v'],
  o: ['o'],
  gu: ['gate', 'up'],
  down: ['down'],
};

/**
 * Writes the decoder over several sets of operators, layer by layer, so that each weight is read once;
 * `contracts/model-manifest.ts` describes the graphs. What all of them need goes to `sharedFile`.
 */
export function writeDecoder(
  checkpoint: DecoderCheckpoint,
  targets: readonly DecoderTarget[],
  sharedFile: string,
): WrittenDecoder {
  const shared = new DataFile(sharedFile);
  const files = new Map(targets.map(({ dataFile }) => [dataFile, null as DataFile | null]));
  for (const file of files.keys()) files.set(file, new DataFile(file));
  try {
    const forms = new Map<string, Set<string>>();
    const load = (kind: string, role: MatrixRole, layer: number): QuantizedMatrix => {
      const matrix = checkpoint.matrix(role, layer);
      forms.set(kind, (forms.get(kind) ?? new Set()).add(matrix.form));
      return matrix;
    };
    const embedding = load('embedding', 'embedding', 0);
    const graphs = targets.map(({ operators, dataFile }) =>
      startGraph(checkpoint, operators, files.get(dataFile)!, shared, embedding),
    );
    for (let layer = 0; layer < checkpoint.shape.layers; layer++) {
      const matrices = Object.fromEntries(
        Object.entries(SITES).map(([site, roles]) => [site, roles.map((role) => load(site, role, layer))]),
      ) as unknown as LayerMatrices;
      for (const graph of graphs) graph.addLayer(layer, matrices);
    }
    const head = checkpoint.tiedHead ? embedding : load('head', 'head', 0);
    return {
      models: graphs.map((graph) => graph.finish(head)),
      representation: Object.fromEntries([...forms].map(([kind, set]) => [kind, [...set].map(describe).join('+')])),
    };
  } finally {
    for (const file of [shared, ...files.values()]) file!.close();
  }
}

function describe(form: string): string {
  return form === 'q8' || form === 'q4' ? `${form}-block${BLOCK}` : `${form}-exact`;
}
