import fc from 'fast-check';
import t from 'tap';
import type { TextRange } from '../../src/contracts/prompt.js';
import { tinyTokenizer } from '../fixtures/tokenizer/tiny-tokenizer.js';

const SPECIALS = ['<s>', '</s>', '<|a|>', '>b<', 'bb'];
const FENCES = ['<p>', '</p>', '(.*)'];
const PIECES = [...SPECIALS, ...FENCES, '</P>', '< p >', '<', '>', 'b', '/', 's', '|a', '\u200b', '\n'];
const textOf = fc.array(fc.constantFrom(...PIECES, 'a', ' ', 'x'), { maxLength: 12 }).map((parts) => parts.join(''));
const chatTemplate = "{% for m in messages %}{{ '<s>' + m.role + '\\n' + m.content + '</s>b' }}{% endfor %}<s>";

t.test('whatever messages hold, the real tokens are those of the template, and every text comes back', async (t) => {
  const {
    tokenizer,
    tokensOf,
    textOf: decode,
  } = await tinyTokenizer({
    specials: SPECIALS,
    fences: FENCES,
    merges: ['< p', '<p >'],
    chatTemplate,
  });
  const role = fc.constantFrom('system' as const, 'user' as const, 'assistant' as const);
  const message = fc.record({ role, content: textOf });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 4 }), (messages) => {
      const ids = [...tokenizer.encode({ kind: 'chat', messages })];
      const real = tokensOf(ids).filter((token) => SPECIALS.includes(token));
      const expected = [...messages.flatMap(() => ['<s>', '</s>']), '<s>'];
      const whole = `${messages.map(({ role, content }) => `<s>${role}\n${content}</s>b`).join('')}<s>`;
      return real.join() === expected.join() && decode(ids) === whole && !tokensOf(ids).includes('<p>');
    }),
    { numRuns: 1000 },
  );
  t.pass();
});

t.test('a fence is one token exactly where it lies in what is ours', async (t) => {
  const { tokenizer, tokensOf } = await tinyTokenizer({
    specials: [],
    fences: FENCES,
    merges: ['< p', '<p >'],
    chatTemplate: '{{ messages[0].content }}',
  });
  const part = fc.record({ text: fc.constantFrom('<p>', 'a', '<', 'p>'), isOurs: fc.boolean() });
  fc.assert(
    fc.property(fc.array(part, { maxLength: 10 }), (parts) => {
      const ours: TextRange[] = [];
      let content = '';
      for (const { text, isOurs } of parts) {
        if (isOurs) ours.push([content.length, content.length + text.length]);
        content += `${text}\n`;
      }
      const ids = tokenizer.encode({ kind: 'chat', messages: [{ role: 'system', content, ours }] });
      const expected = parts.filter(({ text, isOurs }) => isOurs && text === '<p>').length;
      return tokensOf(ids).filter((token) => token === '<p>').length === expected;
    }),
  );
  t.pass();
});

t.test('what tools say, are called with and answer holds no real token either, and comes back', async (t) => {
  const template =
    "{% set mark = '<tool_call>' %}{% for t in tools %}{{ '<s>' + t.function.description + '</s>' + (t | tojson) }}{% endfor %}" +
    "{% for m in messages %}{{ '<s>' + m.content }}{% for c in m.tool_calls or [] %}{{ c.function.arguments | tojson }}{% endfor %}{{ '</s>b' }}{% endfor %}<s>";
  const { tokenizer, tokensOf, textOf: decode } = await tinyTokenizer({ specials: SPECIALS, chatTemplate: template });
  fc.assert(
    fc.property(textOf, textOf, textOf, textOf, (description, key, value, result) => {
      const tools = [{ name: 'f', description: `x${description}`, parameters: { title: value }, strict: false }];
      const call = { id: value, name: 'f', arguments: JSON.stringify({ [key]: [value] }) };
      const ids = [
        ...tokenizer.encode({
          kind: 'chat',
          tools,
          messages: [
            { role: 'assistant', content: '', toolCalls: [call] },
            { role: 'tool', content: result, toolCallId: value },
          ],
        }),
      ];
      const real = tokensOf(ids).filter((token) => SPECIALS.includes(token));
      const text = decode(ids);
      return (
        real.join() === '<s>,</s>,<s>,</s>,<s>,</s>,<s>' && [description, result].every((one) => text.includes(one))
      );
    }),
    { numRuns: 300 },
  );
  t.pass();
});
