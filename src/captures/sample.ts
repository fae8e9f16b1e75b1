import { createHash } from 'node:crypto';
import type { AnswerTexts } from '../contracts/judge.js';
import { redact } from '../patterns/finder.js';
import { personalFinder } from '../personal-data/find.js';
import { PERSONAL_KINDS } from '../personal-data/kinds.js';

const PERSONAL = personalFinder(PERSONAL_KINDS);

/** By the answer's id alone, or that of its pair: both answers to a question are kept, or neither. @param rate 0 … 1 */
export function isSampled(answerId: string, rate: number): boolean {
  return createHash('sha256').update(answerId).digest().readUInt32BE(0) / 2 ** 32 < rate;
}

type Texts = Pick<AnswerTexts, 'question' | 'answer' | 'passages'>;

/** The texts with `[email]` and the like in the place of personal data, and how much of it there was. */
export function redactTexts({ question, answer, passages }: Texts): Texts & { readonly redacted: number } {
  let redacted = 0;
  const clean = (text: string) => {
    const found = redact(text, PERSONAL);
    redacted += found.count;
    return found.text;
  };
  const texts = {
    question: clean(question),
    answer: clean(answer),
    passages: passages.map(({ title, text }) => ({ title: clean(title), text: clean(text) })),
  };
  return { ...texts, redacted };
}
