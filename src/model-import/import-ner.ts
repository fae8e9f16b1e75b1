import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import type { NerManifest } from '../contracts/model-manifest.js';
import { digestFile, replaceFolder, sync } from './files/durable.js';
import { JsonFile } from './files/json-file.js';
import { finishManifest } from './manifest.js';

/** The license has to go where the weights go. */
const FILES = ['tokenizer.json', 'tokenizer_config.json', 'LICENSE'];
const GRAPH = 'model.onnx';

/**
 * Takes a token classifier in Hugging Face's layout over as it is, all or nothing.
 * @throws AppError `model_invalid` where its labels are not numbered from 0
 */
export async function importNer(
  source: { readonly folder: string; readonly weights: string },
  folder: string,
  id: string,
): Promise<NerManifest> {
  const config = new JsonFile(path.join(source.folder, 'config.json'));
  const names = config.object('id2label');
  const labels = Object.keys(names).map((_, index) => names[index]);
  if (!labels.every((label) => typeof label === 'string'))
    throw config.invalid('id2label does not number its labels from 0');
  const weights = path.join(source.folder, source.weights);
  let manifest: NerManifest | undefined;
  await replaceFolder(folder, async (temporary) => {
    const copy = async (from: string, name: string) => {
      await copyFile(from, path.join(temporary, name));
      await sync(path.join(temporary, name));
    };
    await copy(weights, GRAPH);
    for (const name of FILES) await copy(path.join(source.folder, name), name);
    manifest = await finishManifest<NerManifest>(temporary, {
      format: 'switchyard-ner-1',
      id,
      baseDigest: (await digestFile(weights)).sha256,
      labels: labels as string[],
      graph: { file: GRAPH },
    });
  });
  return manifest!;
}
