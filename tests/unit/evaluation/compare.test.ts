import t from 'tap';
import { rightness } from '../../../src/evaluation/ask-both.js';
import { meanInterval } from '../../../src/evaluation/bootstrap.js';
import { type AnsweredPair, type ComparedAnswer, compareAnswers } from '../../../src/evaluation/compare.js';
import { readQuestions, spread } from '../../../src/evaluation/questions.js';

const answer = (change: Partial<ComparedAnswer> = {}): ComparedAnswer => ({
  right: null,
  groundedness: 0.8,
  citationValidity: 1,
  numbersGrounded: null,
  refused: false,
  ...change,
});
const pairs = (count: number, of: (n: number) => readonly [from: ComparedAnswer, to: ComparedAnswer]): AnsweredPair[] =>
  Array.from({ length: count }, (_, n) => {
    const [from, to] = of(n);
    return { id: `q${n}`, cluster: n % 2 === 0 ? 'fees' : 'cards', from, to };
  });

t.test('a version that answers the same passes, and one that is worse in what is critical fails', async (t) => {
  const noise = (n: number) => answer({ groundedness: 0.7 + (n % 7) / 50 });
  const same = compareAnswers(pairs(100, (n) => [noise(n), noise(n + 3)]));
  t.match(same, { outcome: 'pass', questions: 100, wins: 0, losses: 0, winRate: 0.5 });
  const worse = compareAnswers(pairs(100, (n) => [answer(), answer({ groundedness: n % 2 === 0 ? 0.8 : 0.2 })]));
  t.match(worse, { outcome: 'fail', losses: 50, ties: 50, winRate: 0.25 });
  t.match(
    worse.metrics.find(({ metric }) => metric === 'groundedness'),
    { outcome: 'fail', from: /^0\.(8|79)/, to: /^0\.(5|49)/, questions: 100 },
  );
  t.match(worse.clusters, [
    { cluster: 'fees', questions: 50, winRate: 0.5 },
    { cluster: 'cards', questions: 50, winRate: 0, interval: { low: 0, high: 0 } },
  ]);
  t.equal(compareAnswers(pairs(19, () => [answer(), answer()])).outcome, 'inconclusive', 'too few to tell');
  const numbers = compareAnswers(pairs(100, () => [answer({ numbersGrounded: 1 }), answer({ numbersGrounded: 0 })]));
  t.equal(numbers.outcome, 'pass', 'what is not critical does not decide');
});

t.test('what was accepted goes before what stands in the passages, and a refusal before what is made up', async (t) => {
  const one = (from: Partial<ComparedAnswer>, to: Partial<ComparedAnswer>) =>
    compareAnswers(pairs(1, () => [answer(from), answer(to)]));
  t.match(one({ right: 1, groundedness: 0.2 }, { right: 0, groundedness: 0.9 }), { losses: 1 });
  t.match(one({ right: 1, groundedness: 0.2 }, { right: 1, groundedness: 0.9 }), { wins: 1 });
  const refusal = { refused: true, groundedness: null };
  t.match(one({ groundedness: 0.1 }, refusal), { wins: 1 });
  t.match(one({ groundedness: 0.9 }, refusal), { losses: 1 });
  t.match(one(refusal, refusal), { ties: 1 });
  t.match(one({ groundedness: null, refused: null }, {}), { ties: 1 });
});

t.test('the interval holds the mean that the values were drawn from about 19 times out of 20', async (t) => {
  let held = 0;
  for (let round = 0; round < 200; round++) {
    const values = Array.from({ length: 60 }, (_, i) => (Math.sin(round * 977 + i * 131.7) * 43758.5453) % 1);
    const shares = values.map((value) => Math.abs(value));
    const { low, high } = meanInterval(shares);
    if (low <= 0.5 && 0.5 <= high) held++;
  }
  t.ok(held > 170 && held < 200, `${held} of 200`);
  t.same(meanInterval([1, 2, 3]), meanInterval([1, 2, 3]), 'and is the same again');
});

t.test('questions are read as they are written by hand and as feedback is exported', async (t) => {
  const lines = [
    { id: 'a', question: 'What is the fee?', accept: ['£5'], answerable: true, document: 'fees.md' },
    { question: 'Who is he?', answerable: false, cluster: 7 },
    {
      messages: [
        { role: 'user', content: 'Fee?' },
        { role: 'assistant', content: 'It is £5 a month.' },
      ],
      metadata: {},
    },
  ];
  const read = readQuestions(`${lines.map((line) => JSON.stringify(line)).join('\n')}\n\n`, 'q.jsonl');
  t.match(read, [
    { id: 'a', answerable: true, cluster: 'fees.md', reference: null },
    { id: '2', answerable: false, cluster: '7' },
    { id: '3', answerable: null, reference: 'It is £5 a month.', messages: [{ role: 'user' }] },
  ]);
  t.equal(rightness(read[0]!, 'It is £5 [1].'), 1);
  t.equal(rightness(read[0]!, 'It is £50 [1].'), 0);
  t.equal(rightness(read[1]!, 'I could not find this in the documents.'), 1);
  t.equal(rightness(read[2]!, 'it is £5 a month [1]'), 1);
  t.equal(rightness(read[2]!, 'It is £7 a year.'), 0.6);
  const wrong: [string, RegExp][] = [
    ['{', /q:1: is not JSON/],
    ['{}', /q:1: needs a question/],
    ['{"messages":[{"role":"assistant","content":"x"}]}', /q:1: must end with a question/],
    ['{"question":"x","accept":"y"}', /q:1: has accept/],
    ['{"question":"x","answerable":1}', /q:1: has answerable/],
    ['{"question":"x","answerable":false,"accept":["y"]}', /q:1: has accept although/],
  ];
  for (const [line, message] of wrong) t.throws(() => readQuestions(line, 'q'), { code: 'invalid_value', message });
  t.same(spread(['a', 'b', 'c', 'd'], 2), ['a', 'c']);
  t.same(spread(['a'], 9), ['a']);
});
