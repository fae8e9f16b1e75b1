import t from 'tap';
import { fitLowRank, recall } from '../../../bench/retrieval/low-rank.js';
import { randomNumbers } from '../../../bench/retrieval/random.js';

const SIZE = 12;

/** Questions lie where the passage that answers lies, but for one direction that they have in common and that says nothing. */
function collection(random: () => number) {
  const unit = (values: Float32Array) => values.map((value) => value / Math.hypot(...values));
  const passages = Array.from({ length: 30 }, () => unit(Float32Array.from({ length: SIZE }, () => random() - 0.5)));
  const questions = passages.map((passage, index) => {
    const noise = 6 * (random() - 0.5);
    return { vector: unit(passage.map((value, i) => value + (i === 0 ? noise : 0))), right: [index] };
  });
  return { passages, questions };
}

t.test('a map learns from some collections what finds passages in others', async (t) => {
  const random = randomNumbers(7);
  const [held, ...others] = Array.from({ length: 6 }, () => collection(random));
  const map = fitLowRank(others, randomNumbers(1));
  t.ok(
    recall([held!], 1, map) > recall([held!], 1, null) + 0.2,
    `${recall([held!], 1, null)} → ${recall([held!], 1, map)}`,
  );
});
