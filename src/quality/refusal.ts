import { SENTENCE_ENDS } from '../words/sentences.js';

const NOT = "(?: not|n['’]t|not|['’]t)";
const DOCUMENTS = '(?:documents?|passages?|texts?|context|sources?|excerpts?|documentation|information|articles?)';
const TELL = '(?:hold|contain|mention|provide|specify|say|state|include|cover|address|give|have|answer|tell)';
/** What adapters are trained to say, what base models say instead of it, and what assistants in general say. */
const REFUSAL = new RegExp(
  [
    `\\b(?:I|we) (?:\\w+ )?(?:could|can)${NOT} (?:\\w+ )?(?:find|answer|help|determine|tell|provide|see|locate|assist)\\b`,
    `\\b(?:could|can)${NOT} be (?:found|answered|determined|located)\\b`,
    '\\b(?:unable|not able) to (?:find|answer|help|determine|tell|provide|locate|assist)\\b',
    `\\bI (?:do|did)${NOT} (?:have|know|see|find)\\b`,
    `\\b${DOCUMENTS}\\b[^.]{0,60}?\\b(?:do|does|did)${NOT} (?:\\w+ )?${TELL}\\b`,
    `\\b(?:is|are|was|were)${NOT} (?:\\w+ )?(?:mentioned|stated|specified|found|given|provided|covered|included|available|listed) (?:in|by) (?:the|these|any|your)(?: \\w+)? ${DOCUMENTS}\\b`,
    `\\b(?:no|not enough|insufficient) (?:\\w+ )?(?:information|mention|answer|details|data)\\b`,
  ].join('|'),
  'i',
);
/** Shorter ones only begin: `Sorry.` */
const LEAST_WORDS = 3;
const READ_CHARACTERS = 500;

/** Whether an answer says that it cannot answer: with its first sentence, since who says something first has answered. */
export function isRefusal(text: string): boolean {
  const sentences = text.trim().split(SENTENCE_ENDS);
  const first = sentences.find((sentence) => (sentence.match(/\p{L}+/gu)?.length ?? 0) >= LEAST_WORDS);
  return first !== undefined && REFUSAL.test(first.slice(0, READ_CHARACTERS));
}
