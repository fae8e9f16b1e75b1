/**
 * The prompt with passages, byte for byte as the adapters were trained on it (`adapters/train/prompt.py`).
 * Instructions are ours; everything else is text of others, in which no fence counts.
 */
import { createHash } from 'node:crypto';
import type { ChatMessage, PromptMessage, TextRange } from '../contracts/prompt.js';
import type { Passage } from '../contracts/retrieval.js';

const REFUSAL = 'I could not find this in the documents.';
const RULES =
  'Answer from the passages only. After each fact put the number of its passage, like [1]. ' +
  `If the passages do not hold the answer, say: ${REFUSAL}`;
/** Texts that structure the system message. */
export const FENCES = ['<passages>', '</passages>'] as const;
/** A line that begins like the header of a passage, whatever signs stand before the number. */
const HEADER = /(?:^|[\v\f\x85])[^\p{L}\p{N}[\n]*\[\s*(\d{1,6})\s*\]/gmu;

type PassageText = Pick<Passage, 'headingPath' | 'filename' | 'text'>;

/** A passage with the number that its header has and markers in the answer name it by. */
export interface Numbered<P extends PassageText> {
  readonly number: number;
  readonly passage: P;
}

export interface PromptParts {
  readonly instructions: string;
  readonly messages: readonly ChatMessage[];
  /** null: retrieval is off, so there are neither rules nor passages. */
  readonly passages: readonly Numbered<PassageText>[] | null;
}

/** One system message (where there is anything to say in it), then the history as it is. */
export function assemblePrompt({ instructions, messages, passages }: PromptParts): PromptMessage[] {
  const ours = (text: string) => ({ text, isOurs: true });
  const others = (text: string) => ({ text, isOurs: false });
  const lines = instructions === '' ? [] : [ours(instructions)];
  for (const { role, content } of messages) if (role === 'system') lines.push(others(content));
  if (passages !== null) {
    lines.push(ours(RULES), ours(FENCES[0]), ...passages.map(passageBlock).map(others), ours(FENCES[1]));
  }
  const history = messages.filter(({ role }) => role !== 'system');
  return lines.length === 0 ? history : [joinLines(lines), ...history];
}

/**
 * Numbers from 1 on, without those that a line of a passage begins with: else that line would pass for the header of
 * another passage, and what it says would be cited as that document's.
 */
export function numberPassages<P extends PassageText>(passages: readonly P[]): Numbered<P>[] {
  const taken = new Set<number>();
  for (const passage of passages) {
    for (const [, number] of `${passageTitle(passage)}\n${passage.text}`.matchAll(HEADER)) taken.add(Number(number));
  }
  let number = 0;
  return passages.map((passage) => {
    do number += 1;
    while (taken.has(number));
    return { number, passage };
  });
}

/** Tells what the gateway itself says in a prompt: it changes with the rules, and with the deployment's instructions. */
export function promptDigest(instructions: string): string {
  return createHash('sha256')
    .update(JSON.stringify([instructions, RULES, FENCES]))
    .digest('hex');
}

export function passageBlock({ number, passage }: Numbered<PassageText>): string {
  return `[${number}] ${passageTitle(passage)}\n${passage.text.trim()}`;
}

export function passageTitle({ headingPath, filename }: Pick<Passage, 'headingPath' | 'filename'>): string {
  return headingPath.length === 0 ? filename : headingPath.join(' › ');
}

function joinLines(lines: readonly { readonly text: string; readonly isOurs: boolean }[]): PromptMessage {
  const ours: TextRange[] = [];
  let start = 0;
  for (const { text, isOurs } of lines) {
    if (isOurs) ours.push([start, start + text.length]);
    start += text.length + 1;
  }
  return { role: 'system', content: lines.map(({ text }) => text).join('\n'), ours };
}
