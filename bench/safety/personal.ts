/** Personal data: how much of a set written for this is found, and what is taken for it in the sample documents, where there is none of people. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readDocuments } from '../../src/demo/documents.js';
import { DEMO_TENANTS } from '../../src/demo/tenants.js';
import { redact } from '../../src/patterns/finder.js';
import { personalFinder } from '../../src/personal-data/find.js';
import { PERSONAL_KINDS, type PersonalKind } from '../../src/personal-data/kinds.js';

interface Sentence {
  /** null: there is none in it, though it looks like it. */
  readonly kind: PersonalKind | null;
  readonly value: string | null;
  readonly text: string;
}

const PERSONAL = personalFinder(PERSONAL_KINDS);
const ROOT = join(import.meta.dirname, '../..');

export interface PersonalFigures {
  readonly recall: number;
  /** Of what only looks like it. */
  readonly falseAlarms: number;
  readonly missed: readonly Sentence[];
  readonly wrong: readonly Sentence[];
}

/** Found is what is blanked out whole, whatever kind it is taken for. */
export function judgePersonal(): PersonalFigures {
  const lines = readFileSync(join(import.meta.dirname, 'personal.jsonl'), 'utf8')
    .trim()
    .split('\n');
  const sentences = lines.map((line) => JSON.parse(line) as Sentence);
  const [there, none] = [sentences.filter(({ kind }) => kind !== null), sentences.filter(({ kind }) => kind === null)];
  const missed = there.filter(({ value, text }) => {
    const [before, after] = text.split(value!) as [string, string];
    const { text: clean, count } = redact(text, PERSONAL);
    return count !== 1 || !clean.startsWith(before) || !clean.endsWith(after);
  });
  const wrong = none.filter(({ text }) => redact(text, PERSONAL).count > 0);
  return { recall: 1 - missed.length / there.length, falseAlarms: wrong.length / none.length, missed, wrong };
}

/** What is found in the sample documents, by kind, and among how many characters. */
export function personalInSamples() {
  const folders = DEMO_TENANTS.flatMap(({ assistant }) => assistant?.documents ?? []);
  const texts = [...readDocuments(folders, ROOT)].map(({ content }) => Buffer.from(content).toString());
  const found = texts.flatMap((text) =>
    [...redact(text, PERSONAL).text.matchAll(/\[(\w+)\]/g)].map(([, kind]) => kind!),
  );
  const kinds = found.filter((kind) => (PERSONAL_KINDS as readonly string[]).includes(kind));
  return { found: kinds, characters: texts.reduce((sum, { length }) => sum + length, 0) };
}
