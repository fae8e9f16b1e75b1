import path from 'node:path';
import type { DecoderShape, GraphFiles, ModelManifest } from '../contracts/model-manifest.js';
import { AppError } from '../errors/app-error.js';
import { makeFolder } from '../files/make-folder.js';
import type { DecoderCheckpoint } from './decoder/checkpoint.js';
import { checkIds, type ImportedTokenizer } from './decoder/imported-tokenizer.js';
import { kernelOperators } from './decoder/kernel-operators.js';
import { halfOperators, stockOperators } from './decoder/stock-operators.js';
import { tryTokenizer } from './decoder/try-tokenizer.js';
import { writeDecoder } from './decoder/write-decoder.js';
import { digestFiles, replaceFolder, writeDurably } from './files/durable.js';
import { openGgufDecoder } from './gguf/decoder.js';
import { openGguf } from './gguf/split.js';
import { tokenizerFromGguf } from './gguf/tokenizer.js';
import { finishManifest } from './manifest.js';
import { requireSource } from './require-source.js';
import { requireDisk, requireMemory } from './room.js';
import { isSafetensorsFolder, openSafetensorsDecoder } from './safetensors/decoder.js';
import { tokenizerFromFolder } from './safetensors/tokenizer.js';
import type { FloatPrecision } from './tensors/read-matrix.js';

export interface ImportOptions {
  readonly id: string;
  /** What it is called elsewhere, beside the names in its source. */
  readonly names?: readonly string[];
  /**
   * What becomes of F16, BF16 and F32 weights: 8 bits (the default, near lossless) or 4 (half the size; the embedding
   * and the head keep 8). Weights that are quantized in their file are taken over exactly.
   */
  readonly floats?: FloatPrecision;
}

/** The same decoder over each set of operators. */
const GRAPHS = {
  stock: { file: 'model.onnx', dataFile: 'model.onnx.data', operators: stockOperators },
  /** The very weights of stock. */
  half: { file: 'model.half.onnx', dataFile: 'model.onnx.data', operators: halfOperators },
  kernels: { file: 'kernels.onnx', dataFile: 'kernels.onnx.data', operators: kernelOperators },
};
/** Of all three: embedding, norms and rotary tables. */
const SHARED_DATA = 'shared.onnx.data';
const TOKENIZER = 'tokenizer.json';
const TOKENIZER_CONFIG = 'tokenizer_config.json';

interface OpenedSource {
  readonly checkpoint: DecoderCheckpoint;
  readonly tokenizer: ImportedTokenizer;
  /** What the source calls the model. */
  readonly names: readonly unknown[];
  readonly digest: () => Promise<string>;
}

/**
 * Turns a Llama-family checkpoint, a GGUF file or a folder with safetensors, into `folder`: graph, weights, tokenizer
 * and manifest, all or nothing.
 * @throws AppError `model_invalid` with the reason
 */
export async function importDecoder(source: string, folder: string, options: ImportOptions): Promise<ModelManifest> {
  requireSource(source);
  const opened = isSafetensorsFolder(source) ? openFolder(source, options) : openGgufModel(source, options);
  const { checkpoint, tokenizer } = opened;
  try {
    const invalid = (reason: string) => new AppError('model_invalid', { file: source, reason });
    checkIds(checkpoint.shape.vocabSize, tokenizer, invalid);
    await tryTokenizer(tokenizer, invalid);
    await makeFolder(path.dirname(folder));
    const { disk, memory } = neededFor(checkpoint.shape);
    await requireDisk(options.id, path.dirname(folder), disk);
    requireMemory(options.id, memory);
    let manifest: ModelManifest | undefined;
    await replaceFolder(folder, async (temporary) => {
      const graphs = Object.values(GRAPHS);
      const targets = graphs.map(({ operators, dataFile }) => ({
        operators,
        dataFile: path.join(temporary, dataFile),
      }));
      const { models, representation } = writeDecoder(checkpoint, targets, path.join(temporary, SHARED_DATA));
      for (const [i, { file }] of graphs.entries()) await writeDurably(path.join(temporary, file), models[i]!);
      await writeDurably(path.join(temporary, TOKENIZER), tokenizer.tokenizerJson);
      await writeDurably(path.join(temporary, TOKENIZER_CONFIG), tokenizer.configJson);
      manifest = await finishManifest(temporary, {
        format: 'switchyard-decoder-2',
        id: options.id,
        names: namesOf(source, [...(options.names ?? []), ...opened.names]),
        architecture: checkpoint.architecture,
        baseDigest: await opened.digest(),
        shape: checkpoint.shape,
        ...(hasMixedRotation(checkpoint) && { mixedRotation: true }),
        graphs: { stock: filesOf(GRAPHS.stock), half: filesOf(GRAPHS.half), kernels: filesOf(GRAPHS.kernels) },
        tokenizer: {
          file: TOKENIZER,
          configFile: TOKENIZER_CONFIG,
          bosId: tokenizer.bosId,
          eosIds: tokenizer.eosIds,
          fim: tokenizer.fim,
        },
        representation,
      });
    });
    return manifest!;
  } finally {
    checkpoint.close();
  }
}

/**
 * At most this is written (8 bits with a float for 16 weights in the stock graph, 8.5 bits in the kernels'), and at most this
 * in memory: the embedding, the head, and what they become. Bytes.
 */
export function neededFor(shape: DecoderShape): { readonly disk: number; readonly memory: number } {
  const { layers, hiddenSize, heads, kvHeads, headDim, mlpSize, vocabSize } = shape;
  const layer = hiddenSize * (2 * heads * headDim + 2 * kvHeads * headDim + 3 * mlpSize);
  const table = hiddenSize * vocabSize;
  return { disk: 2.4 * (layers * layer + 2 * table), memory: 3e8 + 4.5 * table + 6 * layer };
}

function filesOf({ file, dataFile }: GraphFiles): GraphFiles {
  return { file, dataFile };
}

function openGgufModel(source: string, { floats = 'q8' }: ImportOptions): OpenedSource {
  const gguf = openGguf(source);
  try {
    const tokenizer = tokenizerFromGguf(gguf);
    const checkpoint = openGgufDecoder(gguf, floats);
    const names = ['general.name', 'general.basename'].map((key) => gguf.metadata.get(key));
    return { checkpoint, tokenizer, names, digest: () => digestFiles(gguf.paths) };
  } catch (error) {
    gguf.close();
    throw error;
  }
}

function openFolder(source: string, { floats = 'q8' }: ImportOptions): OpenedSource {
  const tokenizer = tokenizerFromFolder(source);
  return { ...openSafetensorsDecoder(source, floats), tokenizer };
}

const LONGEST_NAME = 200;

/** With that of the file or folder. */
function namesOf(source: string, given: readonly unknown[]): string[] {
  const names = [...given, path.basename(source).replace(/\.gguf$/i, '')];
  return [...new Set(names)].filter(
    (name) => typeof name === 'string' && name !== '' && name.length <= LONGEST_NAME,
  ) as string[];
}

function hasMixedRotation({ shape, traits }: DecoderCheckpoint): boolean {
  return Array.from({ length: shape.layers }, (_, layer) => traits.attention(layer).rope).some(
    (rope) => rope !== 'main',
  );
}
