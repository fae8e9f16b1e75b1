/** Collections of passages and questions that people wrote for training (adapters/train/written); none of the sample tenants' documents are among them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findFiles } from '../../src/files/find-files.js';
import { chunkFile } from '../../src/retrieval/chunking/chunk-file.js';
import type { PassageLimits } from '../../src/retrieval/chunking/passages.js';

export interface Collection {
  /** As they are embedded: headings in front. */
  readonly passages: string[];
  readonly questions: WrittenQuestion[];
}

interface WrittenQuestion {
  readonly text: string;
  /** In other words than the passage's. */
  readonly isReworded: boolean;
  /** Positions of the passages that answer. */
  readonly right: readonly number[];
}

interface Fact {
  /** Stands in the passages of a file that answer. */
  readonly quote?: string;
  readonly questions: readonly string[];
}

/** A line: a passage of the collection that the file is, or a document below node_modules. */
type Line =
  | { readonly title: string; readonly text: string; readonly asked: readonly Fact[] }
  | { readonly file: string; readonly asked: readonly Required<Fact>[] };

export async function readWritten(
  folder: string,
  limits: PassageLimits,
  countTokens: (text: string) => number,
): Promise<Collection[]> {
  const collections: Collection[] = [];
  for (const file of findFiles(folder).filter((name) => name.endsWith('.jsonl'))) {
    const lines = readFileSync(join(folder, file), 'utf8').trim().split('\n');
    const collection: Collection = { passages: [], questions: [] };
    collections.push(collection);
    for (const line of lines.map((text): Line => JSON.parse(text))) {
      if ('file' in line) collections.push(await ofDocument(line, limits, countTokens));
      else addPassage(collection, line);
    }
  }
  return collections.filter(({ questions }) => questions.length > 0);
}

function addPassage({ passages, questions }: Collection, { title, text, asked }: Extract<Line, { title: string }>) {
  const position = passages.push(`${title}\n${text}`) - 1;
  for (const fact of asked) questions.push(...wordings(fact, [position]));
}

async function ofDocument(
  { file, asked }: Extract<Line, { file: string }>,
  limits: PassageLimits,
  countTokens: (text: string) => number,
): Promise<Collection> {
  const document = { filename: file, content: readFileSync(join('node_modules', file)) };
  const passages = [...(await chunkFile(document, limits, countTokens))].map(
    ({ headingPath, text }) => `${headingPath.join(' › ')}\n${text}`,
  );
  const questions = asked.flatMap((fact) => {
    const right = passages.flatMap((text, position) => (plain(text).includes(plain(fact.quote)) ? [position] : []));
    return right.length > 0 ? wordings(fact, right) : [];
  });
  return { passages, questions };
}

/** The first wording is the plain one. */
function wordings({ questions }: Fact, right: readonly number[]): WrittenQuestion[] {
  return questions.map((text, index) => ({ text, isReworded: index > 0, right }));
}

/** Without what Markdown's marks and line ends change. */
function plain(text: string): string {
  return text.replace(/[`*_\\]/g, '').replace(/\s+/g, ' ');
}
