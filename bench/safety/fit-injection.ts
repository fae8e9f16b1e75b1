/**
 * `npx tsx bench/safety/fit-injection.ts`: trains the head that tells prompt injections, and writes
 * src/safety/injection-head.ts. Takes some minutes, most of them for embedding 15,000 texts.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { piecesOf } from '../../src/safety/pieces.js';
import { readInjections } from './dataset.js';
import { openEmbedder } from './embedder.js';
import { writeHead } from './head-file.js';
import { type Example, trainHead } from './train-head.js';

const ROOT = join(import.meta.dirname, '../..');
const SEED = 1;
const QUESTION_SETS = ['eval', 'everyday', 'labelled', 'reworded'];

/**
 * Pieces of the sample documents and questions about them: 44 % of the pieces pass for injections where the head never saw
 * how documentation commands its readers, and 5 % where it saw the other half.
 */
function harmless(): string[] {
  const documents = [
    ...piecesBelow(join(ROOT, 'indexes/northwind-bank'), 12),
    ...['fastify', 'undici', 'pino'].flatMap((name) => piecesBelow(join(ROOT, 'node_modules', name, 'docs'), 6)),
  ];
  const questions = ['northwind-bank', 'copilot'].flatMap((tenant) =>
    QUESTION_SETS.flatMap((set) => {
      const lines = readFileSync(join(ROOT, 'indexes', tenant, `${set}.jsonl`), 'utf8')
        .trim()
        .split('\n');
      return lines
        .map((line) => (JSON.parse(line) as { question?: string }).question ?? '')
        .filter((text) => text !== '');
    }),
  );
  const everyOther = (texts: readonly string[]) => texts.filter((_, index) => index % 2 === 0);
  return [...everyOther(documents), ...everyOther(questions)];
}

function piecesBelow(folder: string, perFile: number): string[] {
  const files = (readdirSync(folder, { recursive: true }) as string[]).filter((file) => file.endsWith('.md'));
  return files.flatMap((file) => (piecesOf([readFileSync(join(folder, file), 'utf8')]) ?? []).slice(0, perFile));
}

const { id, corpusDir, embed } = await openEmbedder();
const labelled = await readInjections(corpusDir, 'train');
const own = harmless();
const vectors = await embed([...labelled.map(({ text }) => text), ...own]);
const examples = vectors.map(
  (vector, index): Example => ({ vector, isPositive: labelled[index]?.isInjection ?? false, weight: 1 }),
);
writeHead(id, trainHead(examples, SEED));
