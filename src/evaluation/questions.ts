import { AppError } from '../errors/app-error.js';

/** A question that two versions are asked. */
export interface ComparedQuestion {
  readonly id: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  /** Spellings of the fact, any of which an answer must hold; none: not known, or there is no answer. */
  readonly accept: readonly string[];
  /** null: not known. */
  readonly answerable: boolean | null;
  /** What somebody accepted as the answer; null: nobody said. */
  readonly reference: string | null;
  /** What it is about, as its line says: `cluster`, else `document`; null: it says neither. */
  readonly cluster: string | null;
}

interface Line {
  readonly id: unknown;
  readonly question: unknown;
  readonly messages: unknown;
  readonly accept: unknown;
  readonly answerable: unknown;
  readonly document: unknown;
  readonly cluster: unknown;
}

/**
 * Reads questions, one JSON object a line: `question` with `accept`, `answerable`, `cluster` where these are known, or `messages` as
 * `switchyard feedback export` writes them, whose last word of the assistant is the accepted answer.
 * @param place file, for messages
 * @throws AppError `invalid_value` that names the line
 */
export function readQuestions(text: string, place: string): ComparedQuestion[] {
  const lines = text.split('\n').map((line, index) => [line, `${place}:${index + 1}`] as const);
  return lines.flatMap(([line, where], index) => (line.trim() === '' ? [] : [parse(line, where, `${index + 1}`)]));
}

/** Every n-th, so that few of them still are about everything. */
export function spread<T>(all: readonly T[], count: number): T[] {
  const wanted = Math.min(count, all.length);
  return Array.from({ length: wanted }, (_, i) => all[Math.floor((i * all.length) / wanted)]!);
}

function parse(line: string, where: string, number: string): ComparedQuestion {
  const wrong = (reason: string) => new AppError('invalid_value', { param: where, reason });
  let value: Partial<Line> | null;
  try {
    value = JSON.parse(line) as Partial<Line> | null;
  } catch {
    throw wrong('is not JSON');
  }
  if (typeof value !== 'object' || value === null) throw wrong('is no JSON object');
  const { id = number, question, accept = [], answerable, document, cluster = document } = value;
  const messages = value.messages ?? [{ role: 'user', content: question }];
  if (!isMessages(messages)) throw wrong('needs a question, or messages of role and content');
  const last = messages.at(-1)!;
  const asked = last.role === 'assistant' ? messages.slice(0, -1) : messages;
  if (asked.at(-1)?.role !== 'user') throw wrong('must end with a question of the user, or with the answer to one');
  if (!Array.isArray(accept) || !accept.every((one) => typeof one === 'string'))
    throw wrong('has accept, but no texts in it');
  if (answerable !== undefined && typeof answerable !== 'boolean')
    throw wrong('has answerable, but neither true nor false');
  if (answerable === false && accept.length > 0) throw wrong('has accept although it is not answerable');
  return {
    id: String(id),
    messages: asked,
    accept,
    answerable: answerable ?? (accept.length > 0 ? true : null),
    reference: last.role === 'assistant' ? last.content : null,
    cluster: typeof cluster === 'string' || typeof cluster === 'number' ? String(cluster) : null,
  };
}

function isMessages(value: unknown): value is { role: string; content: string }[] {
  const isMessage = (one: unknown) => {
    const { role, content } = (one ?? {}) as { role?: unknown; content?: unknown };
    return typeof role === 'string' && typeof content === 'string' && content.trim() !== '';
  };
  return Array.isArray(value) && value.length > 0 && value.every(isMessage);
}
