/** Real text in any number: what installed packages say of themselves, embedded once and kept. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../src/config/schema.js';
import { findFiles } from '../../src/files/find-files.js';
import { openEmbedder } from './documents.js';

const FROM = 'node_modules';
const PASSAGE = { least: 200, most: 600 };
const BATCH = 64;

/** Different passages in an order that has nothing to do with their files. */
export async function packageVectors(config: Config, count: number): Promise<Float32Array[]> {
  const folder = join(config.dataDir, 'bench');
  const file = join(folder, `packages-${config.models.embedder}-${count}.f32`);
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, await embedAll(config, passagesOf(count)));
  }
  const bytes = readFileSync(file);
  const numbers = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const dimensions = numbers.length / count;
  return Array.from({ length: count }, (_, n) => numbers.subarray(n * dimensions, (n + 1) * dimensions));
}

function passagesOf(count: number): string[] {
  const passages = new Set<string>();
  for (const name of findFiles(FROM).filter((file) => /\.(md|d\.ts)$/.test(file))) {
    for (const paragraph of readFileSync(join(FROM, name), 'utf8').split(/\n\s*\n/)) {
      if (paragraph.length >= PASSAGE.least) passages.add(paragraph.slice(0, PASSAGE.most));
    }
  }
  if (passages.size < count) throw new Error(`${FROM} holds ${passages.size} passages, ${count} are wanted`);
  // A stride that shares no divisor with the number of them visits each once.
  const all = [...passages];
  const stride = 7919;
  return Array.from({ length: count }, (_, n) => all[(n * stride) % all.length]!);
}

async function embedAll(config: Config, passages: readonly string[]): Promise<Float32Array> {
  const embedder = await openEmbedder(config);
  const vectors = new Float32Array(passages.length * embedder.dimensions);
  for (let at = 0; at < passages.length; at += BATCH) {
    const texts = passages.slice(at, at + BATCH).map((text) => embedder.tokenize(text, 'passage'));
    for (const [n, vector] of (await embedder.embed(texts)).entries()) {
      vectors.set(vector, (at + n) * embedder.dimensions);
    }
  }
  return vectors;
}
