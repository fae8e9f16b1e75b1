import fc from 'fast-check';
import t from 'tap';
import { tinyTokenizer } from '../fixtures/engine/tiny-tokenizer.js';

const SPECIALS = ['<s>', '</s>', '<|a|>', '>b<', 'bb'];
const EXTRA = ['<p>', '</p>', '(.*)'];
const textOf = fc
  .array(
    fc.oneof(fc.string({ maxLength: 3 }), fc.constantFrom(...SPECIALS, ...EXTRA, '<', '>', 'b', '\u{1f600}', '\u200b')),
  )
  .map((parts) => parts.join(''));

t.test('no special token and no extra text comes out of neutralized text, and nothing else changes', async (t) => {
  const { tokenizer, idOf } = await tinyTokenizer({ specials: SPECIALS });
  const specialIds = new Set(SPECIALS.map(idOf));
  fc.assert(
    fc.property(textOf, (text) => {
      const safe = tokenizer.neutralize(text, EXTRA);
      return (
        [...SPECIALS, ...EXTRA].every((forbidden) => !safe.includes(forbidden)) &&
        !tokenizer.encode({ kind: 'text', text: safe }).some((id) => specialIds.has(id)) &&
        safe.replaceAll('\u200b', '') === text.replaceAll('\u200b', '') &&
        tokenizer.neutralize(safe, EXTRA) === safe
      );
    }),
    { numRuns: 500 },
  );
  t.pass();
});
