import t from 'tap';
import type { AnswerTexts } from '../../../src/contracts/judge.js';
import { statementsOf } from '../../../src/quality/statements.js';

const marksIn = (text: string): AnswerTexts['marks'] =>
  [...text.matchAll(/\[(\d)\]/g)].map(({ 0: marker, 1: number, index }) => ({
    start: index,
    end: index + marker.length,
    passage: Number(number) - 1,
  }));
const statements = (text: string) => statementsOf(text, marksIn(text));

t.test('each sentence is a statement with the passages that its markers name', async (t) => {
  t.same(statements('The fee is £5 [1]. Cards are valid for four years [2][3].'), [
    { text: 'The fee is £5.', cites: [0] },
    { text: 'Cards are valid for four years.', cites: [1, 2] },
  ]);
});

t.test('a marker behind the full stop belongs to the sentence before it', async (t) => {
  t.same(statements('The fee is £5. [1] Cards are free.'), [
    { text: 'The fee is £5.', cites: [0] },
    { text: 'Cards are free.', cites: [] },
  ]);
});

t.test('items of a list are statements; what introduces them, questions, code and courtesies are not', async (t) => {
  const text = [
    'There are two fees:',
    '- The card costs £5 [1].',
    '- The box costs £165 [2]',
    '```js',
    'const fee = 5; // the fee is five pounds',
    '```',
    'Hope this helps. Do you want to know more?',
  ].join('\n');
  t.same(
    statements(text).map((one) => one.text),
    ['The card costs £5.', 'The box costs £165', 'Hope this helps.'],
  );
});
