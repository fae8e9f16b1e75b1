import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { EmbedderManifest, EmbeddingUse } from '../contracts/model-manifest.js';
import { ADAPTER_WEIGHTS } from './embedder/adapted.js';
import { type EmbedderSource, openSource } from './embedder/open-source.js';
import { writeBert } from './embedder/write-bert.js';
import { fitsEncoder, writeEncoder } from './embedder/write-encoder.js';
import { digestFile, replaceFolder, writeDurably } from './files/durable.js';
import { JsonFile } from './files/json-file.js';
import { finishManifest } from './manifest.js';

/** The name that transformers looks for under its dtype `q8`. */
const GRAPH = 'onnx/model_quantized.onnx';
const ENCODER = 'encoder.bin';

/**
 * Turns a BERT sentence encoder's folder into one that transformers' feature extraction loads, all or nothing.
 * @param use what is known of how it is used; without it, what the folder says
 * @throws AppError `model_invalid` with the reason
 */
export async function importEmbedder(
  source: EmbedderSource,
  folder: string,
  id: string,
  use: EmbeddingUse = useOf(source.folder),
): Promise<EmbedderManifest> {
  const { checkpoint, config, tokenizer, tokenizerConfig } = openSource(source);
  const { adapter } = source;
  try {
    const maxTokens = Math.min(checkpoint.shape.positions, use.maxTokens);
    let manifest: EmbedderManifest | undefined;
    await replaceFolder(folder, async (temporary) => {
      const writeJson = (name: string, value: object) =>
        writeDurably(path.join(temporary, name), JSON.stringify(value));
      await mkdir(path.join(temporary, path.dirname(GRAPH)));
      await writeDurably(path.join(temporary, GRAPH), writeBert(checkpoint));
      const fits = fitsEncoder(checkpoint.shape);
      if (fits) await writeDurably(path.join(temporary, ENCODER), writeEncoder(checkpoint, use.pooling));
      await writeJson('config.json', config);
      // The source pads and cuts every text to 128 tokens; its length is our caller's business.
      await writeJson('tokenizer.json', { ...tokenizer, truncation: null, padding: null });
      await writeJson('tokenizer_config.json', { ...tokenizerConfig, model_max_length: maxTokens });
      manifest = await finishManifest(temporary, {
        format: 'switchyard-embedder-3',
        id,
        baseDigest: (await digestFile(path.join(source.folder, source.weights))).sha256,
        ...(adapter && { adapterDigest: (await digestFile(path.join(adapter, ADAPTER_WEIGHTS))).sha256 }),
        dimensions: checkpoint.shape.hiddenSize,
        pooling: use.pooling,
        queryPrefix: use.queryPrefix,
        ...(use.passagePrefix && { passagePrefix: use.passagePrefix }),
        maxTokens,
        graph: { file: GRAPH },
        encoder: fits ? { file: ENCODER } : null,
        representation: { embedding: 'q8-block32', qkv: 'f32', o: 'q8-block32', up: 'f32', down: 'q8-block32' },
      });
    });
    return manifest!;
  } finally {
    checkpoint.weights.close();
  }
}

/** What sentence-transformers' files beside the weights say. */
function useOf(source: string): EmbeddingUse {
  const optional = (name: string) => {
    const file = path.join(source, name);
    return existsSync(file) ? new JsonFile(file) : null;
  };
  const pooling = optional('1_Pooling/config.json');
  const prompts = optional('config_sentence_transformers.json')?.optional('prompts');
  return {
    pooling: pooling?.flag('pooling_mode_cls_token', false) ? 'cls' : 'mean',
    queryPrefix: prompts?.text('query', '') ?? '',
    passagePrefix: prompts?.text('document', prompts.text('passage', '')) ?? '',
    maxTokens: optional('sentence_bert_config.json')?.number('max_seq_length') ?? Number.POSITIVE_INFINITY,
  };
}
