/**
 * The prompt with passages, byte for byte as the adapters were trained on it (`adapters/train/prompt.py`).
 * Instructions are ours; everything else is text of others, in which no fence counts.
 */
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
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

interface Line {
  readonly text: string;
  readonly isOurs: boolean;
}

export interface PromptParts {
  readonly instructions: string;
  readonly messages: readonly ChatMessage[];
  /** null: retrieval is off, so there are neither rules nor passages. */
  readonly passages: readonly Numbered<PassageText>[] | null;
  /** Whether each passage is read by itself; else what stands before it has a part in it. */
  readonly apart?: boolean;
}

/** One system message (where there is anything to say in it), then the history as it is. */
export function assemblePrompt({ instructions, messages, passages, apart = false }: PromptParts): PromptMessage[] {
  const ours = (text: string): Line => ({ text, isOurs: true });
  const others = (text: string): Line => ({ text, isOurs: false });
  const lines = instructions === '' ? [] : [ours(instructions)];
  for (const { role, content } of messages) if (role === 'system') lines.push(others(content));
  if (passages !== null) {
    lines.push(ours(RULES), ours(FENCES[0]), ...passages.map(passageBlock).map(others), ours(FENCES[1]));
  }
  const first = lines.length - 1 - (passages?.length ?? 0);
  const history = messages.filter(({ role }) => role !== 'system');
  if (lines.length === 0) return history;
  return [joinLines(lines, apart && passages?.length ? first : lines.length), ...history];
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
  const known = digests.get(instructions);
  if (known !== undefined) return known;
  const digest = hash('sha256', JSON.stringify([instructions, RULES, FENCES]));
  digests.set(instructions, digest);
  return digest;
}

/** Of instructions in use: they change with a deployment, and every record names their digest. */
const digests = new LRUCache<string, string>({ max: 256 });

export function passageBlock({ number, passage }: Numbered<PassageText>): string {
  return `[${number}] ${passageTitle(passage)}\n${passage.text.trim()}`;
}

export function passageTitle({ headingPath, filename }: Pick<Passage, 'headingPath' | 'filename'>): string {
  return headingPath.length === 0 ? filename : headingPath.join(' › ');
}

/** @param firstApart the first line that is a passage to be read by itself; those up to the last but one are too */
function joinLines(lines: readonly Line[], firstApart: number): PromptMessage {
  const ours: TextRange[] = [];
  const passages: number[] = [];
  let start = 0;
  lines.forEach(({ text, isOurs }, i) => {
    if (isOurs) ours.push([start, start + text.length]);
    if (i >= firstApart) passages.push(start);
    start += text.length + 1;
  });
  const content = lines.map(({ text }) => text).join('\n');
  return { role: 'system', content, ours, ...(passages.length > 0 && { passages }) };
}
