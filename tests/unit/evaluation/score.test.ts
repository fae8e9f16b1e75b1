import t from 'tap';
import type { EvalQuestion } from '../../../src/contracts/evaluations.js';
import { scoreAnswer, summarize } from '../../../src/evaluation/score.js';

const question: EvalQuestion = {
  id: 'bank-001',
  question: 'How large is the fee?',
  answerable: true,
  accept: ['1.5%', 'one and a half percent'],
  document: 'fees.md',
  heading: 'Fees',
};
const fees = { filename: 'fees.md', text: 'The early repayment fee is 1.5 % of the amount.' };
const other = { filename: 'cards.md', text: 'The card costs £12,500, or 1.5 % more.' };
const score = (text: string, passages = [other, fees], asked = question) => scoreAnswer(asked, { text, passages });

t.test('a fact with the marker of its passage behind it is cited right', async (t) => {
  const found = score('The early repayment fee is 1.5 percent of the amount [2].');
  t.match(found, { fact: true, factCited: true, citations: 1, rightCitations: 1, refused: false });
});

t.test('the same words in another document are not the source', async (t) => {
  t.match(score('The fee is 1.5% [1].'), { fact: true, factCited: false, rightCitations: 0 });
});

t.test('a marker before the fact, or of a passage that was not given, does not count', async (t) => {
  t.match(score('As [2] says, the fee is 1.5%.'), { fact: true, factCited: false, citations: 1, rightCitations: 1 });
  t.match(score('The fee is 1.5% [7].'), { fact: true, factCited: false, citations: 1, rightCitations: 0 });
});

t.test('a number is found only as a whole', async (t) => {
  t.notOk(score('The fee is 11.5% [2].').fact);
  t.notOk(score('The fee is £5.50.', [fees], { ...question, accept: ['£5'] }).fact);
  t.notOk(score('The fee is £50.', [fees], { ...question, accept: ['£5'] }).fact);
  t.ok(score('The fee is £5.', [fees], { ...question, accept: ['£5'] }).fact);
  t.ok(score('It is £12500.', [other], { ...question, accept: ['£12,500'] }).fact);
});

t.test('a marker is never taken for the fact', async (t) => {
  t.notOk(score('Pipelining is on [1].', [fees], { ...question, accept: ['1'] }).fact);
  t.ok(score('Pipelining is `1` [2].', [fees], { ...question, accept: ['1'] }).fact);
});

t.test('numbers count as grounded when a passage holds them, and markers are no numbers', async (t) => {
  t.match(score('It is 1.5% or £12,500 or 99 [2].'), { numbers: 3, groundedNumbers: 2 });
});

t.test('shares are taken over the questions that they are about', async (t) => {
  const none: EvalQuestion = { ...question, answerable: false, accept: [], document: null };
  const scores = [
    score('The fee is 1.5% [2].'),
    score('I could not find this in the documents.'),
    score('It is 7 [1].', [other]),
    score('I could not find this in the documents.', [other], none),
    score('It is 7 [1].', [other], none),
  ];
  t.strictSame(summarize(scores, true), {
    fact: 1 / 3,
    fact_cited: 1 / 3,
    citation_precision: 0.5,
    right_refusals: 0.5,
    false_refusals: 1 / 3,
    found: 2 / 3,
    fact_of_found: 0.5,
    refused_of_found: 0.5,
    numbers_grounded: 1 / 3,
  });
  t.match(summarize(scores, false), {
    fact_cited: null,
    citation_precision: null,
    numbers_grounded: null,
    found: null,
  });
  t.equal(summarize([], true).fact, null);
});
