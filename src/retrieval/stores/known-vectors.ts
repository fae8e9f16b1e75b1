import { setImmediate } from 'node:timers/promises';
import { embeddedText } from '../chunking/chunk-file.js';
import type { Db } from './database.js';
import type { EmbeddedFile } from './embedded-file.js';
import { keyOf } from './embedder-models.js';
import { readEmbedding } from './embeddings.js';

/** Vectors by the text that they were made of (`embeddedText`). */
export type KnownVectors = Map<string, Float32Array>;

/** A file may be in many stores: its passages are the same in most. */
const MOST_FILES = 4;
/** Passages that are read at once: more would keep a search waiting. */
const LOT = 200;

/**
 * Vectors that need not be made again: of the passages that the tenant has of the same file, in whichever store, and of what it takes the
 * place of, by the same model. A new version of a document is mostly the old one.
 */
export async function knownVectors(
  db: Db,
  { tenant, storeId, fileId, path, embedder }: Omit<EmbeddedFile, 'filename'>,
): Promise<KnownVectors> {
  const key = await keyOf(db, embedder);
  const files = await db
    .selectFrom('store_files')
    .innerJoin('files', 'files.id', 'store_files.file_id')
    .select(['store_id', 'file_id', 'filename'])
    .where('store_files.tenant', '=', tenant)
    .where('passages', '>', 0)
    .where((eb) => {
      const isSame = eb('file_id', '=', fileId);
      return path === null ? isSame : eb.or([isSame, eb.and([eb('store_id', '=', storeId), eb('path', '=', path)])]);
    })
    .orderBy('store_files.seq', 'desc')
    .limit(MOST_FILES)
    .execute();
  const known: KnownVectors = new Map();
  for (const file of files) {
    for (let from = 0, read = LOT; read === LOT; from += LOT) {
      const rows = await db
        .selectFrom('passages')
        .innerJoin('vectors', 'vectors.passage', 'label')
        .select(['heading_path', 'text', 'embedding'])
        .where('passages.tenant', '=', tenant)
        .where('embedder', '=', key)
        .where('store_id', '=', file.store_id)
        .where('file_id', '=', file.file_id)
        .where('ordinal', '>=', from)
        .where('ordinal', '<', from + LOT)
        .execute();
      for (const { heading_path, text, embedding } of rows) {
        const made = embeddedText(file.filename, { headingPath: JSON.parse(heading_path), text });
        known.set(made, readEmbedding(embedding));
      }
      read = rows.length;
      await setImmediate();
    }
  }
  return known;
}
