/** What is no attack: the samples' questions and documents, and what people say to an assistant when they are angry, in need or in a hurry. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { piecesOf } from '../../src/safety/pieces.js';

const ROOT = join(import.meta.dirname, '../..');
const TENANTS = ['northwind-bank', 'copilot'];
const DOCUMENTS = [
  { folder: join(ROOT, 'indexes/northwind-bank'), perFile: 12 },
  ...['fastify', 'undici', 'pino'].map((name) => ({ folder: join(ROOT, 'node_modules', name, 'docs'), perFile: 6 })),
];

/** Written for this: every other line trains the head, the rest judges it. */
export interface Harmless {
  readonly kind: string;
  readonly text: string;
}

/** Questions of both samples' sets of these names. */
export function sampleQuestions(sets: readonly string[], tenants: readonly string[] = TENANTS): string[] {
  return tenants.flatMap((tenant) =>
    sets.flatMap((set) =>
      linesOf<{ question?: string }>(join(ROOT, 'indexes', tenant, `${set}.jsonl`)).flatMap(({ question }) =>
        question ? [question] : [],
      ),
    ),
  );
}

/** Some pieces of each of the samples' documents. */
export function samplePieces(): string[] {
  return DOCUMENTS.flatMap(({ folder, perFile }) => {
    const files = (readdirSync(folder, { recursive: true }) as string[]).filter((file) => file.endsWith('.md'));
    return files.flatMap((file) => (piecesOf([readFileSync(join(folder, file), 'utf8')]) ?? []).slice(0, perFile));
  });
}

export function harmlessTalk(): Harmless[] {
  return linesOf(join(import.meta.dirname, 'harmless.jsonl'));
}

export const everyOther = <T>(items: readonly T[], from: 0 | 1): T[] => items.filter((_, index) => index % 2 === from);

function linesOf<T>(file: string): T[] {
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as T);
}
