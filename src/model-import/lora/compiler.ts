import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { AdapterCompiler, CompiledAdapter } from '../../contracts/adapter.js';
import type { ModelManifest } from '../../contracts/model-manifest.js';
import { AppError } from '../../errors/app-error.js';
import { targetSizes } from '../../layouts/lora.js';
import { readBaseManifest } from '../../layouts/manifest.js';
import { digestFile, replaceFolder, sync, writeDurably } from '../files/durable.js';
import { JsonFile } from '../files/json-file.js';
import { readSafetensors } from '../safetensors/reader.js';
import { requireThisBase } from './base-name.js';
import { type CompiledForm, compileWeights } from './compiled-form.js';
import { readPeftConfig } from './peft-config.js';
import { arrangePeftWeights } from './peft-weights.js';
import { readTrainingRecord } from './training-record.js';

const CONFIG = 'adapter_config.json';
const WEIGHTS = 'adapter_model.safetensors';
const PICKLED = 'adapter_model.bin';
export const COMPILED = 'adapter.swa';

export interface AdapterCompilerOptions {
  /** Folder of the imported base model. */
  readonly modelDir: string;
  readonly dataDir: string;
  /** Largest rank accepted (`engine.maxAdapterRank`). */
  readonly maxRank: number;
}

/** Compiles PEFT adapters into `<dataDir>/adapters/<digest>/`, where their original files are kept too. */
export function createAdapterCompiler(options: AdapterCompilerOptions): AdapterCompiler {
  return {
    async compile(folder, anyBase = false) {
      try {
        return await compileAdapter(folder, await readBaseManifest(options.modelDir), options, anyBase);
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'model_invalid') throw error;
        const reason = `${path.basename(String(error.params.file))}: ${error.params.reason}`;
        throw new AppError('adapter_invalid', { folder, reason }, { cause: error });
      }
    },
  };
}

async function compileAdapter(
  folder: string,
  base: ModelManifest,
  { dataDir, maxRank }: AdapterCompilerOptions,
  anyBase: boolean,
): Promise<CompiledAdapter> {
  const configFile = path.join(folder, CONFIG);
  const json = new JsonFile(configFile);
  const config = readPeftConfig(json, maxRank);
  if (!anyBase) requireThisBase(json, base);
  const file = path.join(folder, WEIGHTS);
  await checkWeightsFile(folder, file, base, maxRank);
  const safetensors = readSafetensors(file);
  try {
    const { sha256 } = await digestFile(file);
    const training = readTrainingRecord(folder, base, sha256);
    const modules = arrangePeftWeights(safetensors, config, base.shape);
    const form = await compileWeights(modules, base);
    const compiledFile = await store(form, folder, path.resolve(dataDir, 'adapters', form.header.digest));
    return {
      digest: form.header.digest,
      compiledFile,
      baseDigest: base.baseDigest,
      baseModel: base.id,
      sources: [
        { name: CONFIG, sha256: (await digestFile(configFile)).sha256 },
        { name: WEIGHTS, sha256 },
      ],
      training,
      rank: Math.max(...Object.values(form.header.ranks)),
      targets: [...modules.keys()],
      bytes: sizeOf(form),
    };
  } finally {
    safetensors.file.close();
  }
}

async function checkWeightsFile(folder: string, file: string, base: ModelManifest, maxRank: number): Promise<void> {
  const refuse = (reason: string) => new AppError('model_invalid', { file, reason });
  if (!existsSync(file)) {
    const pickled = existsSync(path.join(folder, PICKLED));
    throw refuse(
      pickled ? `only ${PICKLED} is there; pickled weights are never loaded, save safetensors` : 'it is missing',
    );
  }
  const largest = Object.values(targetSizes(base.shape)).reduce(
    (sum, { inputs, outputs }) => sum + (inputs + outputs) * maxRank * 4,
    0,
  );
  const limit = largest * base.shape.layers + (1 << 20);
  const { size } = await stat(file);
  if (size > limit)
    throw refuse(`it has ${size} bytes, more than an adapter of rank ${maxRank} of this base (${limit})`);
}

/** Content-addressed: what is there already and intact is left alone, since the engine may be reading it. */
async function store(form: CompiledForm, source: string, folder: string): Promise<string> {
  const compiledFile = path.join(folder, COMPILED);
  const hash = createHash('sha256');
  for (const part of form.parts) hash.update(part);
  if (existsSync(compiledFile) && (await digestFile(compiledFile)).sha256 === hash.digest('hex')) return compiledFile;
  await replaceFolder(folder, async (temporary) => {
    for (const name of [CONFIG, WEIGHTS]) {
      await copyFile(path.join(source, name), path.join(temporary, name));
      await sync(path.join(temporary, name));
    }
    await writeDurably(path.join(temporary, COMPILED), ...form.parts);
  });
  return compiledFile;
}

function sizeOf({ parts }: CompiledForm): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
