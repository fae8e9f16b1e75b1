/** Questions as lines of JSON. Runs in a browser too. */
import type { EvalQuestion } from '../contracts/evaluations.js';

type Refuse = (place: string, reason: string) => Error;

/**
 * Reads a set of questions, one JSON object a line.
 * @param name of the file
 * @throws what `refuse` makes of a line and what is wrong with it
 */
export function parseQuestions(text: string, name: string, refuse: Refuse): EvalQuestion[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index) => (line.trim() === '' ? [] : [parse(line, `${name}:${index + 1}`, refuse)]));
}

function parse(line: string, place: string, refuse: Refuse): EvalQuestion {
  let value: Partial<EvalQuestion>;
  try {
    value = JSON.parse(line) as Partial<EvalQuestion>;
  } catch {
    throw refuse(place, 'is not JSON');
  }
  const { id, question, answerable, accept = [], document = null, heading = null } = value;
  if (typeof id !== 'string' || typeof question !== 'string' || typeof answerable !== 'boolean') {
    throw refuse(place, 'needs id, question and answerable');
  }
  const read = { id, question, answerable, accept, document, heading };
  const flaw = flawOf(read);
  if (flaw !== null) throw refuse(place, flaw);
  return read;
}

/** Where what a question says of its answer does not go together; null: it does. */
export function flawOf({ answerable, accept, document }: EvalQuestion): string | null {
  const isSound = answerable === accept.length > 0 && answerable === (document !== null);
  return isSound ? null : 'has accept and document exactly when it is answerable';
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
