import type { EvalQuestion } from '../contracts/evaluations.js';
import { AppError } from '../errors/app-error.js';
import { readTextFile } from '../files/text-file.js';

/**
 * Reads a set of questions, one JSON object a line.
 * @throws AppError `invalid_value` that names file and line
 */
export function readDataset(file: string): EvalQuestion[] {
  const lines = readTextFile(file).split('\n');
  return lines.flatMap((line, index) => (line.trim() === '' ? [] : [parseQuestion(line, `${file}:${index + 1}`)]));
}

function parseQuestion(line: string, place: string): EvalQuestion {
  let value: Partial<EvalQuestion>;
  try {
    value = JSON.parse(line) as Partial<EvalQuestion>;
  } catch {
    throw new AppError('invalid_value', { param: place, reason: 'is not JSON' });
  }
  const { id, question, answerable, accept = [], document = null, heading = null } = value;
  if (typeof id !== 'string' || typeof question !== 'string' || typeof answerable !== 'boolean') {
    throw new AppError('invalid_value', { param: place, reason: 'needs id, question and answerable' });
  }
  const read = { id, question, answerable, accept, document, heading };
  checkQuestion(read, place);
  return read;
}

/** @param place for the message. @throws AppError `invalid_value` where what it says of its answer does not go together */
export function checkQuestion({ answerable, accept, document }: EvalQuestion, place: string): void {
  if (answerable === accept.length > 0 && answerable === (document !== null)) return;
  throw new AppError('invalid_value', {
    param: place,
    reason: 'has accept and document exactly when it is answerable',
  });
}

/** Every n-th question, so that a short run covers all documents and keeps the share without an answer. */
export function sample(questions: readonly EvalQuestion[], count: number): EvalQuestion[] {
  const pick = (some: readonly EvalQuestion[], wanted: number) =>
    Array.from({ length: Math.min(wanted, some.length) }, (_, i) => some[Math.floor((i * some.length) / wanted)]!);
  const answerable = questions.filter((question) => question.answerable);
  const wanted = Math.round((count * answerable.length) / Math.max(1, questions.length));
  const rest = questions.filter((question) => !question.answerable);
  return [...pick(answerable, wanted), ...pick(rest, count - wanted)];
}
