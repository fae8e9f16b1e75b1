import { existsSync } from 'node:fs';
import { readdir, rename } from 'node:fs/promises';
import path from 'node:path';
import type { LoraTarget, ModelManifest } from '../../contracts/model-manifest.js';
import { AppError } from '../../errors/app-error.js';
import { makeFolder } from '../../files/make-folder.js';
import { type AdapterTensors, piecesOf } from '../../layouts/adapter-file.js';
import { panelIndex, targetSizes } from '../../layouts/lora.js';
import { readAdapter } from '../../layouts/read-adapter.js';
import { ggufNameOf, hasGgufPairs } from '../architectures/all.js';
import { writeDurably } from '../files/durable.js';
import { encodeGguf, type GgufTensorInput } from '../gguf/writer.js';
import { COMPILED } from './compiler.js';

type Base = Pick<ModelManifest, 'architecture' | 'baseDigest' | 'shape'>;

/** GGML's number of the type. */
const F16 = 1;
const GGUF_NAMES: Readonly<Record<LoraTarget, string>> = {
  q_proj: 'attn_q',
  k_proj: 'attn_k',
  v_proj: 'attn_v',
  o_proj: 'attn_output',
  gate_proj: 'ffn_gate',
  up_proj: 'ffn_up',
  down_proj: 'ffn_down',
};

/**
 * Writes adapters of the data folder as llama.cpp's programs load them: `<digest>.gguf`, the name by which the gateway finds
 * one at a server. What is there already stays.
 * @param folder made where it is not there
 * @param digests none: all that were compiled for this base
 * @returns the files, those that were there already too
 * @throws AppError `not_found` for a digest that is not in the data folder, `adapter_invalid` for one that is damaged
 */
export async function exportAdapters(
  dataDir: string,
  base: Base,
  folder: string,
  digests: readonly string[],
): Promise<{ readonly digest: string; readonly file: string }[]> {
  const adapters = path.join(dataDir, 'adapters');
  const wanted = digests.length > 0 ? digests : await readdir(adapters).catch(() => []);
  await makeFolder(folder);
  const written = [];
  for (const digest of wanted) {
    const compiledFile = path.join(adapters, digest, COMPILED);
    if (!/^[0-9a-f]{64}$/.test(digest) || !existsSync(compiledFile)) {
      if (digests.length > 0) throw new AppError('not_found', { what: 'Adapter', id: digest });
      continue;
    }
    const file = path.join(folder, `${digest}.gguf`);
    if (!existsSync(file)) await writeAdapter(file, compiledFile, digest, base);
    written.push({ digest, file });
  }
  return written;
}

async function writeAdapter(file: string, compiledFile: string, digest: string, base: Base): Promise<void> {
  const tensors = await readAdapter({ digest, compiledFile }, base).catch((error: Error) => {
    throw new AppError(
      'adapter_invalid',
      { folder: path.dirname(compiledFile), reason: error.message },
      { cause: error },
    );
  });
  const temporary = `${file}.${process.pid}.tmp`;
  await writeDurably(temporary, toGguf(tensors, base));
  await rename(temporary, file);
}

/** The scale is folded into B, and llama.cpp multiplies with 1 where no alpha is given. */
function toGguf(tensors: AdapterTensors, { architecture, shape }: Base): Buffer {
  const sizes = targetSizes(shape);
  const { headDim } = shape;
  const hasPairs = hasGgufPairs(architecture);
  const list: GgufTensorInput[] = [];
  for (const { layer, target, rank, a, b } of piecesOf(tensors, shape)) {
    const { inputs, outputs } = sizes[target];
    const isPaired = hasPairs && (target === 'q_proj' || target === 'k_proj');
    const rowOf = (row: number) => (isPaired ? halfRow(row, headDim) : row);
    const name = `blk.${layer}.${GGUF_NAMES[target]}.weight`;
    list.push(
      matrix(`${name}.lora_a`, rank, inputs, (row, column) => a[panelIndex(row, column, rank)]!),
      matrix(`${name}.lora_b`, outputs, rank, (row, column) => b[panelIndex(column, rowOf(row), rank)]!),
    );
  }
  const metadata = {
    'general.type': 'adapter',
    'general.architecture': ggufNameOf(architecture),
    'adapter.type': 'lora',
  };
  return encodeGguf(metadata, list);
}

/** Row 2j + s of a head, as llama.cpp has it, is Hugging Face's row s * headDim/2 + j. */
function halfRow(row: number, headDim: number): number {
  const inHead = row % headDim;
  return row - inHead + (inHead % 2) * (headDim / 2) + (inHead >> 1);
}

function matrix(
  name: string,
  rows: number,
  columns: number,
  element: (row: number, column: number) => number,
): GgufTensorInput {
  const halves = new Uint16Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) halves[row * columns + column] = element(row, column);
  }
  return { name, type: F16, shape: [rows, columns], bytes: Buffer.from(halves.buffer) };
}
