/** Real text in any number: what installed packages say of themselves, embedded once and kept. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../src/config/schema.js';
import { findFiles } from '../../src/files/find-files.js';
import { openEmbedder } from './documents.js';

const FROM = 'node_modules';
/** Short ones: it is their vectors that count, and a token takes a sixth of a millisecond. */
const PASSAGE = { least: 120, most: 240 };
const BATCH = 64;

/** Different passages in an order that has nothing to do with their files. A run that is cut off goes on where it was. */
export async function packageVectors(config: Config, count: number): Promise<Float32Array[]> {
  const folder = join(config.dataDir, 'bench');
  const file = join(folder, `packages-${config.models.embedder}-${count}.f32`);
  mkdirSync(folder, { recursive: true });
  const embedder = await openEmbedder(config);
  const bytesEach = 4 * embedder.dimensions;
  const kept = existsSync(file) ? Math.floor(statSync(file).size / bytesEach) : 0;
  // Half a vector at most, of a run that was killed.
  if (kept > 0) truncateSync(file, kept * bytesEach);
  const passages = kept < count ? passagesOf(count) : [];
  for (let at = kept; at < passages.length; at += BATCH) {
    const texts = passages.slice(at, at + BATCH).map((text) => embedder.tokenize(text, 'passage'));
    const vectors = await embedder.embed(texts);
    appendFileSync(file, Buffer.concat(vectors.map((vector) => Buffer.from(vector.buffer))));
  }
  const { buffer } = Uint8Array.from(readFileSync(file));
  return Array.from({ length: count }, (_, n) => new Float32Array(buffer, n * bytesEach, embedder.dimensions));
}

function passagesOf(count: number): string[] {
  const passages = new Set<string>();
  for (const name of findFiles(FROM).filter((file) => /\.(md|d\.ts)$/.test(file))) {
    for (const paragraph of readFileSync(join(FROM, name), 'utf8').split(/\n\s*\n/)) {
      for (let from = 0; from + PASSAGE.least <= paragraph.length; from += PASSAGE.most) {
        passages.add(paragraph.slice(from, from + PASSAGE.most));
      }
    }
  }
  if (passages.size < count) throw new Error(`${FROM} holds ${passages.size} passages, ${count} are wanted`);
  // A stride that shares no divisor with the number of them visits each once.
  const all = [...passages];
  const stride = 7919;
  return Array.from({ length: count }, (_, n) => all[(n * stride) % all.length]!);
}
