import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = join(import.meta.dirname, '../../indexes/northwind-bank/eval.jsonl');

/** The development questions of the sample bank. */
export function bankQuestions(): string[] {
  const lines = readFileSync(FILE, 'utf8').trim().split('\n');
  return lines.map((line) => (JSON.parse(line) as { question: string }).question);
}
