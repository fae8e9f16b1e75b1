/**
 * The prompt with passages, byte for byte as the adapters were trained on it (`adapters/train/prompt.py`).
 * Instructions are ours; everything else is untrusted text, which is neutralized before it is put in.
 */
import type { ChatMessage } from '../contracts/engine.js';
import type { Passage } from '../contracts/retrieval.js';

const REFUSAL = 'I could not find this in the documents.';
const RULES =
  'Answer from the passages only. After each fact put the number of its passage, like [1]. ' +
  `If the passages do not hold the answer, say: ${REFUSAL}`;
const FENCES = ['<passages>', '</passages>'] as const;

/** Makes special tokens, and the given texts too, harmless (`Engine.neutralize`). */
export type Neutralize = (text: string, extra: readonly string[]) => string;

export interface PromptParts {
  readonly instructions: string;
  readonly messages: readonly ChatMessage[];
  /** null: retrieval is off, so there are neither rules nor passages. */
  readonly passages: readonly Pick<Passage, 'headingPath' | 'filename' | 'text'>[] | null;
}

/** One system message (where there is anything to say in it), then the history as it is. */
export function assemblePrompt(parts: PromptParts, neutralize: Neutralize): ChatMessage[] {
  const clean = (text: string) => neutralize(text, FENCES);
  const lines: string[] = [];
  if (parts.instructions !== '') lines.push(parts.instructions);
  for (const message of parts.messages) {
    if (message.role === 'system') lines.push(clean(message.content));
  }
  if (parts.passages !== null) {
    lines.push(RULES, FENCES[0]);
    for (const [index, passage] of parts.passages.entries()) lines.push(passageBlock(passage, index + 1, clean));
    lines.push(FENCES[1]);
  }
  const history = parts.messages
    .filter((message) => message.role !== 'system')
    .map(({ role, content }) => ({ role, content: clean(content) }));
  return lines.length === 0 ? history : [{ role: 'system', content: lines.join('\n') }, ...history];
}

export function passageTitle(passage: Pick<Passage, 'headingPath' | 'filename'>): string {
  return passage.headingPath.length === 0 ? passage.filename : passage.headingPath.join(' › ');
}

function passageBlock(
  passage: Pick<Passage, 'headingPath' | 'filename' | 'text'>,
  number: number,
  clean: (text: string) => string,
): string {
  return `[${number}] ${clean(passageTitle(passage))}\n${clean(passage.text).trim()}`;
}
