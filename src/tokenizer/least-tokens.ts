import type { Prompt } from '../contracts/prompt.js';
import type { Bounds } from './protocol.js';

/**
 * No prompt like this has fewer tokens. Tokenizing a megabyte of letters takes most of a second; what cannot fit the context
 * is not worth it.
 * @param enough counted no further than that
 */
export function leastTokens(prompt: Prompt, bounds: Bounds, enough: number): number {
  switch (prompt.kind) {
    case 'tokens':
      return prompt.ids.length;
    case 'text':
      return leastOfTexts([prompt.text], 0, bounds, enough);
    case 'infill': {
      const texts = [prompt.prefix, prompt.suffix, ...prompt.files.map(({ text }) => text.trimEnd())];
      return leastOfTexts(texts, 0, bounds, enough);
    }
    case 'chat': {
      const { messages, tools = [] } = prompt;
      const kept = bounds.cutsHistory ? messages.filter(({ role }) => role !== 'assistant') : messages;
      const texts = kept.map(({ content }) => content.trim());
      // A template trims, but it marks every message; of a tool it may show a schema in another form, but no other description.
      const described = tools.map(({ description }) => description.trim());
      return leastOfTexts([...texts, ...described], texts.length, bounds, enough);
    }
  }
}

/** By their letters only where their characters are not too many already: those need not be looked at. */
function leastOfTexts(texts: readonly string[], marks: number, bounds: Bounds, enough: number): number {
  const byCharacters = texts.map((text) => Math.ceil(text.length / bounds.charactersPerToken));
  let least = byCharacters.reduce((sum, tokens) => sum + tokens, marks);
  for (const [i, text] of texts.entries()) {
    if (least > enough) break;
    least += Math.max(0, Math.ceil(countLetters(text) / bounds.lettersPerToken) - byCharacters[i]!);
  }
  return least;
}

/** Letters A to Z with another one behind them: a normalizer may compose a letter with what follows it. */
function countLetters(text: string): number {
  let count = 0;
  let wasLetter = false;
  for (let i = 0; i < text.length; i++) {
    const lower = text.charCodeAt(i) | 0x20;
    const isLetter = lower >= 0x61 && lower <= 0x7a;
    if (isLetter && wasLetter) count++;
    wasLetter = isLetter;
  }
  return count;
}
