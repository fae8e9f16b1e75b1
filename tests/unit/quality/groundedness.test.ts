import t from 'tap';
import { findSupport, groundedness, SUPPORTED } from '../../../src/quality/groundedness.js';
import { evidenceOf } from '../../../src/quality/sources.js';

const PASSAGES = [
  {
    title: 'Debit cards › Replacement',
    text: 'Replacing a damaged debit card is free. A replacement for a lost debit card is free once a year, and every further one costs £6. The new card arrives within three working days. Coins are not bought back.',
  },
  { title: 'Offices', text: 'The Home Support team sits in Leeds and is reached on Fridays from 9 am to 4 pm.' },
  {
    title: 'Kept data',
    text: '| Data | Kept for |\n| --- | --- |\n| Phone recordings | 18 months |\n| Camera images | 45 days |',
  },
];
/** Of sentences that are near each other, about. */
const COSINE = 0.85;

const score = (sentence: string) =>
  groundedness(findSupport(sentence, evidenceOf(PASSAGES, 'What does a new card cost?'))!, COSINE);

t.test('what a passage says is supported, quoted or in other words', async (t) => {
  for (const sentence of [
    'Replacing a damaged debit card is free.',
    'A lost debit card is replaced for free once a year; every further replacement costs £6.',
    'The Home Support team is reached on Fridays from 9 am to 4 pm.',
    'Phone recordings are kept for 18 months.',
    "Coins aren't bought back.",
    'The new card arrives within 3 working days.',
  ]) {
    t.ok(score(sentence) >= SUPPORTED, sentence);
  }
});

t.test('a changed number, unit, name or day, and a dropped or added "not", are found', async (t) => {
  for (const sentence of [
    'A replacement for a lost debit card is free once a year, and every further one costs £9.',
    'The new card arrives within three weeks.',
    'The new card arrives within four working days.',
    'The Fraud team sits in Leeds.',
    'The Home Support team sits in Bristol.',
    'The Home Support team is reached on Mondays from 9 am to 4 pm.',
    'Coins are bought back.',
    'Replacing a damaged debit card is not free.',
  ]) {
    t.ok(score(sentence) < SUPPORTED, sentence);
  }
});

t.test('a number from another row of the table is not that of the row', async (t) => {
  t.ok(score('Camera images are kept for 18 months.') + 0.2 < score('Camera images are kept for 45 days.'));
});

t.test('without passages there is nothing that a sentence could be taken from', async (t) => {
  t.equal(findSupport('The fee is £5.', evidenceOf([], '')), null);
});
