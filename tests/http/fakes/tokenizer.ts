import type { AnswerFormat, Tokenizer } from '../../../src/contracts/tokenizer.js';
import { readRawInfill } from '../../../src/tokenizer/raw-infill.js';

export interface FakeTokenizer extends Tokenizer {
  ready: boolean;
  format: AnswerFormat;
  restart(): void;
}

/** A token has four characters. */
export function createFakeTokenizer(): FakeTokenizer {
  const listeners = new Set<(observation: { readonly type: 'restart' }) => void>();
  const tokensOf = (text: string) => Math.ceil(text.length / 4);
  const tokenizer: FakeTokenizer = {
    ready: true,
    format: { calls: 'hermes', thoughts: 'none', specials: [] },
    restart() {
      for (const listener of listeners) listener({ type: 'restart' });
    },
    async encode(prompt) {
      if (prompt.kind !== 'chat') return new Int32Array(1);
      return new Int32Array(prompt.messages.reduce((sum, { content }) => sum + tokensOf(content) + 8, 0));
    },
    encodeBare: async (text) => Int32Array.from(text, (sign) => sign.codePointAt(0)!),
    decode: async (ids) => String.fromCodePoint(...ids),
    spell: async (ids) => ids.map((id) => `<${id}>`),
    encodeParts: async (prompt, caller) => ({ ids: await tokenizer.encode(prompt, caller), passages: [] }),
    count: async (texts) => texts.map(tokensOf),
    leastTokens: () => 1,
    readRawInfill: (text) => readRawInfill(text, { prefix: '<pre>', suffix: '<suf>', middle: '<mid>' }),
    answerFormat: () => tokenizer.format,
    status: () => ({
      ready: tokenizer.ready,
      reason: tokenizer.ready ? null : 'it is restarting',
      queued: 3,
      rssBytes: 3000,
    }),
    observe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: async () => {},
  };
  return tokenizer;
}
