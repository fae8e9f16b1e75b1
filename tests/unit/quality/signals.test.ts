import t from 'tap';
import type { AnswerTexts } from '../../../src/contracts/judge.js';
import { signalsOf } from '../../../src/quality/signals.js';
import { tokensOf } from '../../../src/quality/tokens.js';
import { answerRecord } from '../../fixtures/answer-record.js';

const PASSAGES = [
  { title: 'Fees', text: 'The fee of the card is £5. It is paid once a year.' },
  { title: 'Hours', text: 'Branches open at 9 am.' },
];
const NEAR = Float32Array.of(1, 0);

const signals = (texts: Partial<AnswerTexts>, record = answerRecord({})) => {
  const embedded: (readonly string[])[] = [];
  const embed = async (some: readonly string[]) => {
    embedded.push(some);
    return some.map(() => NEAR);
  };
  const all = { question: 'What is the fee?', answer: '', passages: PASSAGES, marks: [], logprobs: null, ...texts };
  return signalsOf(record, all, { embed, nowMs: () => 7 }).then((found) => ({ ...found, embedded }));
};

t.test('an answer is judged sentence by sentence against its passages', async (t) => {
  const answer = 'The fee of the card is £5 [1]. Branches open at 8 am [2]. The fee of the card is £5 [2].';
  const marks = [...answer.matchAll(/\[(\d)\]/g)].map(({ index, 1: number }) => ({
    start: index,
    end: index + 3,
    passage: Number(number) - 1,
  }));
  const found = await signals({ answer, marks });
  t.ok(found.groundedness! > 0.5 && found.groundedness! < 0.9, 'two of three are supported');
  t.ok(found.leastGrounded! < 0.1);
  t.equal(found.citationValidity, 1 / 3, 'the second is wrong, the third names the wrong passage');
  t.equal(found.citationCoverage, 1);
  t.equal(found.numbersGrounded, 2 / 3);
  t.equal(found.embedded.length, 1, 'all texts at once');
  t.same(found.embedded[0], [...new Set(found.embedded[0])], 'each once');
});

t.test('a refusal, and an answer without passages, are not grounded in anything', async (t) => {
  const none = { groundedness: null, leastGrounded: null, citationValidity: null, citationCoverage: null };
  t.match(await signals({ answer: 'I could not find this in the documents.' }), { ...none, refused: true });
  const bare = await signals({ answer: 'The fee is £5.', passages: [] }, answerRecord({ passages: [] }));
  t.match(bare, { ...none, numbersGrounded: null, refused: false, topScore: null, scoreGap: null, embedded: [] });
});

t.test('what is told of an answer beside its passages', async (t) => {
  const answer = 'one two three four five one two three four';
  const passages = [
    { id: 'a', score: 0.75 },
    { id: 'b', score: 0.5 },
  ];
  const record = answerRecord({ finishReason: 'length', passages });
  const logprobs = { mean: -0.25, least: -2 };
  const question = 'This is terrible, why is the fee so high?';
  t.match(await signals({ answer, question, logprobs }, record), {
    answerId: record.id,
    truncated: true,
    words: 9,
    repeatedNgrams: 1 - 5 / 6,
    meanLogprob: -0.25,
    leastLogprob: -2,
    topScore: 0.75,
    scoreGap: 0.25,
    questionLanguage: 'en',
    computedAt: 7,
  });
  t.equal((await signals({})).sentiment, 0);
  t.ok((await signals({ question })).sentiment! < -0.3);
});

t.test('languages are told apart, and the feeling of a question is told in English alone', async (t) => {
  const german = await signals({
    question: 'Warum ist die Gebühr so furchtbar hoch?',
    answer: 'La comisión de la tarjeta cuesta cinco euros al año.',
  });
  t.match(german, { questionLanguage: 'de', language: 'es', sentiment: null });
  t.match(await signals({ question: '`maxParamLength`?', answer: '5' }), { questionLanguage: null, language: null });
});

t.test('of a sentence without an end the beginning is read', async (t) => {
  t.equal(tokensOf('word '.repeat(20_000)).length, 200);
  const passages = [{ title: 'Long', text: 'word '.repeat(5_000) }];
  t.ok((await signals({ answer: 'word '.repeat(20_000), passages })).groundedness !== null);
});
