import type { Prompt } from '../contracts/prompt.js';
import type { Bounds } from './protocol.js';

/**
 * No prompt like this has fewer tokens. Tokenizing a megabyte of letters takes most of a second; what cannot fit the context
 * is not worth it.
 */
export function leastTokens(prompt: Prompt, bounds: Bounds): number {
  switch (prompt.kind) {
    case 'tokens':
      return prompt.ids.length;
    case 'text':
      return leastOfText(prompt.text, bounds);
    case 'infill':
      return [prompt.prefix, prompt.suffix, ...prompt.files.map(({ text }) => text.trimEnd())].reduce(
        (sum, text) => sum + leastOfText(text, bounds),
        0,
      );
    case 'chat': {
      const { messages } = prompt;
      const kept = bounds.cutsHistory ? messages.filter(({ role }) => role !== 'assistant') : messages;
      // A template trims, but it marks every message.
      return kept.reduce((sum, { content }) => sum + 1 + leastOfText(content.trim(), bounds), 0);
    }
  }
}

function leastOfText(text: string, { charactersPerToken, lettersPerToken }: Bounds): number {
  return Math.ceil(Math.max(text.length / charactersPerToken, countLetters(text) / lettersPerToken));
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
