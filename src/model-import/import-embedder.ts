import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { EmbedderManifest } from '../contracts/model-manifest.js';
import { openBert } from './embedder/bert.js';
import { writeBert } from './embedder/write-bert.js';
import { digestFile, replaceFolder, writeDurably } from './files/durable.js';
import { JsonFile } from './files/json-file.js';
import { finishManifest } from './manifest.js';
import { readSafetensors } from './safetensors/reader.js';

const WEIGHTS = 'model.safetensors';
/** The name that transformers looks for under its dtype `q8`. */
const GRAPH = 'onnx/model_quantized.onnx';

/**
 * Turns a BERT sentence encoder's folder into one that transformers' feature extraction loads, all or nothing.
 * @throws AppError `model_invalid` with the reason
 */
export async function importEmbedder(source: string, folder: string, id: string): Promise<EmbedderManifest> {
  const config = new JsonFile(path.join(source, 'config.json'));
  const tokenizer = new JsonFile(path.join(source, 'tokenizer.json'));
  const tokenizerConfig = new JsonFile(path.join(source, 'tokenizer_config.json'));
  const weights = path.join(source, WEIGHTS);
  const safetensors = readSafetensors(weights);
  try {
    const checkpoint = openBert(config, safetensors);
    const maxTokens = Math.min(checkpoint.shape.positions, sentenceLength(source));
    let manifest: EmbedderManifest | undefined;
    await replaceFolder(folder, async (temporary) => {
      const writeJson = (name: string, value: object) =>
        writeDurably(path.join(temporary, name), JSON.stringify(value));
      await mkdir(path.join(temporary, path.dirname(GRAPH)));
      await writeDurably(path.join(temporary, GRAPH), writeBert(checkpoint));
      await writeJson('config.json', config.values);
      // The source pads and cuts every text to 128 tokens; its length is our caller's business.
      await writeJson('tokenizer.json', { ...tokenizer.values, truncation: null, padding: null });
      await writeJson('tokenizer_config.json', { ...tokenizerConfig.values, model_max_length: maxTokens });
      manifest = await finishManifest(temporary, {
        format: 'switchyard-embedder-1',
        id,
        baseDigest: (await digestFile(weights)).sha256,
        dimensions: checkpoint.shape.hiddenSize,
        maxTokens,
        graph: { file: GRAPH },
        representation: { embedding: 'q8-block32', qkv: 'f32', o: 'q8-block32', up: 'f32', down: 'q8-block32' },
      });
    });
    return manifest!;
  } finally {
    safetensors.file.close();
  }
}

/** The length that the sentence encoder was trained and is used with, where the folder says. */
function sentenceLength(source: string): number {
  const file = path.join(source, 'sentence_bert_config.json');
  return existsSync(file) ? new JsonFile(file).number('max_seq_length') : Number.POSITIVE_INFINITY;
}
