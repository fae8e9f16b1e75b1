import fc from 'fast-check';
import t from 'tap';
import type { CallFormat } from '../../src/contracts/tokenizer.js';
import { CallParser, type Piece } from '../../src/pipeline/calls/call-parser.js';
import { Thoughts } from '../../src/pipeline/calls/thoughts.js';

const FUNCTIONS = new Map([
  ['get_rate', (args: object) => 'a' in args],
  ['f', null],
]);
const WORDS = [
  ...['<tool_call>', '</tool_call>', '<|python_tag|>', '[TOOL_CALLS]', '[ARGS]', '```json\n', '```', '\n', ' '],
  ...['{"name": "f", "arguments": {', '{"name": "get_rate", "parameters": {', '{"name": "other", "arguments": {}}'],
  ...[
    '"a": "b"',
    '"c": [1, {"d": null}]',
    '}',
    '}}',
    ']',
    '[{',
    ',',
    ';',
    '"',
    '\\',
    '{',
    'text',
    '<',
    '[1]',
    '`',
    'f',
    '😀',
  ],
  ...['{"arguments": {"x": 1}, "name": "f"}', '{"name": "f"}', '{"type": "function", "function": {"name": "f"}}'],
];
const answer = fc
  .array(fc.oneof(fc.constantFrom(...WORDS), fc.string({ maxLength: 3 })), { maxLength: 14 })
  .map((w) => w.join(''));
const format = fc.constantFrom<CallFormat>('hermes', 'llama3', 'mistral');

/** Pieces of one kind that follow each other count as one. */
function joined(pieces: readonly Piece[]): Piece[] {
  const all: Piece[] = [];
  for (const piece of pieces) {
    const last = all.at(-1);
    if (last && 'text' in last && 'text' in piece && last.type === piece.type) {
      all[all.length - 1] = { ...last, text: last.text + piece.text };
    } else all.push(piece);
  }
  return all;
}

function parse(format: CallFormat, parts: readonly string[]): Piece[] {
  const parser = new CallParser(format, FUNCTIONS);
  return joined([...parts.flatMap((part) => parser.push(part)), ...parser.end()]);
}

const cut = (text: string, at: readonly number[]) => {
  const ends = [...new Set(at.map((one) => one % (text.length + 1)))].sort((a, b) => a - b);
  return [...ends, text.length].map((end, i) => text.slice(ends[i - 1] ?? 0, end));
};

t.test('an answer gives the same text and calls wherever it is cut', async (t) => {
  fc.assert(
    fc.property(format, answer, fc.array(fc.nat(), { maxLength: 8 }), (format, text, at) => {
      const whole = JSON.stringify(parse(format, [text]));
      return (
        JSON.stringify(parse(format, [...text])) === whole && JSON.stringify(parse(format, cut(text, at))) === whole
      );
    }),
    { numRuns: 3000 },
  );
  t.pass();
});

t.test('every call names a function that there is, and ends once', async (t) => {
  fc.assert(
    fc.property(format, answer, (format, text) => {
      let open = false;
      return parse(format, [text]).every((piece) => {
        if (piece.type === 'text') return true;
        if (piece.type === 'call') {
          const sound = FUNCTIONS.has(piece.name);
          open = true;
          return sound;
        }
        const sound = open;
        if (piece.type === 'end') open = false;
        return sound;
      });
    }),
    { numRuns: 1000 },
  );
  t.pass();
});

t.test('what no family would take for a call comes through as it is', async (t) => {
  const plain = fc.array(fc.constantFrom('a', ' ', '\n', '[1]', '< b', '{x}', '"', '`c`', '.', '}'), { maxLength: 20 });
  fc.assert(
    fc.property(format, plain, (format, words) => {
      const text = words.join('');
      return JSON.stringify(parse(format, [text])) === JSON.stringify(text === '' ? [] : [{ type: 'text', text }]);
    }),
    { numRuns: 500 },
  );
  t.pass();
});

t.test('thoughts are told from the answer wherever it is cut', async (t) => {
  const words = fc.array(fc.constantFrom('<think>', '</think>', '\n', ' ', 'a', '<', 'think>'), { maxLength: 10 });
  const read = (mode: 'tagged' | 'begun' | 'none', parts: readonly string[]) => {
    const thoughts = new Thoughts(mode);
    const all = [...parts.map((part) => thoughts.push(part)), thoughts.end()];
    return [all.map(({ thought }) => thought).join(''), all.map(({ answer }) => answer).join('')].join('|');
  };
  fc.assert(
    fc.property(fc.constantFrom('tagged' as const, 'begun' as const, 'none' as const), words, (mode, list) => {
      const text = list.join('');
      return read(mode, [...text]) === read(mode, [text]);
    }),
    { numRuns: 1000 },
  );
  t.pass();
});
