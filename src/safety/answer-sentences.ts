import { CLOSING } from '../words/sentences.js';

/** Of a sentence that does not end, as in a list or in code. */
const MAX_SENTENCE = 400;
/** That a sentence ended is known once something follows it: "3." may become "3.5". */
const END = new RegExp(
  `[.!?؟۔]${CLOSING}(?=\\s)|[。！？｡．।॥።]${CLOSING}(?![。！？｡．।॥።"'”’»)\\]」』】）〉》])(?=[^])|\\n`,
);

/**
 * The next sentence of an answer that is still coming, or as much of it as is looked at together; null: it has not ended yet.
 * Where sentences end follows from the text alone, however it was cut.
 * @param isLast nothing follows
 */
export function nextSentence(text: string, isLast: boolean): string | null {
  const found = END.exec(text);
  const end = found === null ? Number.POSITIVE_INFINITY : found.index + found[0].length;
  if (end <= MAX_SENTENCE) return text.slice(0, end);
  if (text.length > MAX_SENTENCE)
    return text.slice(0, isHighSurrogate(text, MAX_SENTENCE - 1) ? MAX_SENTENCE - 1 : MAX_SENTENCE);
  return isLast && text !== '' ? text : null;
}

function isHighSurrogate(text: string, index: number): boolean {
  return /[\uD800-\uDBFF]/.test(text[index]!);
}
