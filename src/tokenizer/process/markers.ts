import type { TextRange } from '../../contracts/prompt.js';
import type { TemplateTexts } from './chat-template.js';

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
}

/** Shaped like markup: what a vocabulary holds so is a marker, whether it is called special or not. */
const MARKUP = /^[<[{|(«｜].*[>\]}|)»｜]$/s;

/**
 * Characters that stand for nothing while a prompt is put together: `hidden` breaks a special token in two and leaves
 * no trace; `border` also ends a token of the text there; so does `passage`, where one begins or the last one ends.
 */
export interface Marks {
  readonly hidden: string;
  readonly border: string;
  readonly passage: string;
}

export interface Guard {
  /** No special token and no marker comes out of the content of a message. */
  message(content: string, role: string, ours: readonly TextRange[], marks: Marks): string;
  /** Text that is no message: special tokens alone are broken. */
  text(text: string, marks: Marks): string;
}

/** Added tokens that structure prompts; others, runs of blanks for one, are ordinary vocabulary. */
function isMarker({ content, special }: AddedToken): boolean {
  return content.trim() !== '' && (special || MARKUP.test(content));
}

/**
 * Guards prompts against what is written in their text. Special tokens are broken by a mark that leaves no trace, so that
 * the text is encoded as it stands. A marker that is plain text itself (a fence, `[INST]`) is spelled: each of its
 * characters becomes a token of its own, which is not how the real one is encoded. Either way the bytes stay the same.
 *
 * @param fences texts that structure the content of messages, in any case and with blanks in them; they count in what is ours
 */
export function createGuard(
  added: readonly AddedToken[],
  { bracketed, labels, lookedFor }: TemplateTexts,
  fences: readonly string[],
): Guard {
  const tokens = added.filter(isMarker).map(({ content }) => content);
  const plain = bracketed.filter((marker) => !tokens.includes(marker));
  const isLookedFor = (marker: string) => [...lookedFor].some((text) => text.includes(marker));
  const fencePattern = new RegExp(anyOf(fences.map(withBlanks)), 'giu');
  const labelPattern = new RegExp(`^(?:${anyOf(labels.map(escaped))})`, 'gmu');
  const patternsOf = (isExempt: (marker: string) => boolean) => ({
    // The first character of every occurrence, overlapping ones too.
    tokens: new RegExp(`(?=${anyOf(tokens.filter((token) => !isExempt(token)).map(escaped))})[^]`, 'gu'),
    plain: new RegExp(anyOf(plain.filter((marker) => !isExempt(marker)).map(escaped)), 'giu'),
  });
  // A template cuts thoughts out of the model's own turns only; nobody else's text holds any.
  const inAssistant = patternsOf(isLookedFor);
  const everywhere = patternsOf(() => false);
  const isCut = createCutCheck(tokens);

  const spell = (text: string, { border }: Marks) => border + [...text].join(border) + border;
  const breakTokens = (text: string, pattern: RegExp, { hidden }: Marks) => {
    const broken = text.replace(pattern, `$&${hidden}`);
    return (isCut.before(text) ? hidden : '') + broken + (isCut.behind(text) ? hidden : '');
  };

  return {
    message(content, role, ours, marks) {
      const isOurs = (start: number, end: number) => ours.some((range) => range[0] <= start && end <= range[1]);
      const patterns = role === 'assistant' ? inAssistant : everywhere;
      const spelled = content
        .replace(fencePattern, (found, at: number) => (isOurs(at, at + found.length) ? found : spell(found, marks)))
        .replace(patterns.plain, (found) => spell(found, marks))
        .replace(labelPattern, (found) => spell(found, marks));
      return breakTokens(spelled, patterns.tokens, marks);
    },
    text: (text, marks) => breakTokens(text, everywhere.tokens, marks),
  };
}

/** Those characters of a text that could be marks. */
export function possibleMarks(text: string): readonly string[] {
  return text.match(/[\uFDD0-\uFDEF\u{F0000}-\u{10FFFD}]/gu) ?? [];
}

/**
 * Characters that none of the texts holds: noncharacters, or private ones where somebody wrote those.
 * @param others that cannot be used either
 */
export function unusedMarks(texts: readonly string[], others: readonly string[] = []): Marks {
  const used = new Set([...others, ...texts.flatMap(possibleMarks)]);
  const unused: string[] = [];
  for (let code = 0xfdd0; unused.length < 3; code = code === 0xfdef ? 0xf0000 : code + 1) {
    const character = String.fromCodePoint(code);
    if (!used.has(character)) unused.push(character);
  }
  return { hidden: unused[0]!, border: unused[1]!, passage: unused[2]! };
}

/** Whether a text begins or ends within a token, so that what stands beside it could complete the token. */
function createCutCheck(tokens: readonly string[]) {
  const parts = (part: (token: string, at: number) => string) =>
    new Set(tokens.flatMap((token) => Array.from({ length: token.length - 1 }, (_, i) => part(token, i + 1))));
  const heads = parts((token, at) => token.slice(0, at));
  const tails = parts((token, at) => token.slice(at));
  const longest = tokens.reduce((length, token) => Math.max(length, token.length), 1);
  const lengths = Array.from({ length: longest - 1 }, (_, i) => i + 1);
  return {
    before: (text: string) => lengths.some((length) => length <= text.length && tails.has(text.slice(0, length))),
    behind: (text: string) => lengths.some((length) => length <= text.length && heads.has(text.slice(-length))),
  };
}

function anyOf(patterns: readonly string[]): string {
  return patterns.join('|') || '(?!)';
}

/** `</passages>` also as `< / Passages >`. */
function withBlanks(fence: string): string {
  return (fence.match(/\w+|[^\w\s]/g) ?? []).map(escaped).join('\\s*');
}

export function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
