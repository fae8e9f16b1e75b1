import t from 'tap';
import { CertaintySum } from '../../../src/engine/process/certainty.js';
import { plainScan } from '../../../src/engine/process/vocabulary-scan.js';

const close = (a: number, b: number) => Math.abs(a - b) < 1e-6;

t.test('the mean and the least log probability of the tokens that were drawn are told', async (t) => {
  const certainty = new CertaintySum({ ...plainScan, isQuick: true });
  t.equal(certainty.value(), null, 'no token yet');
  certainty.add(Float32Array.of(0, 0), 1);
  certainty.add(Float32Array.of(Math.log(3), 0, Number.NEGATIVE_INFINITY), 0);
  const { mean, least } = certainty.value()!;
  t.ok(close(mean, (Math.log(0.5) + Math.log(0.75)) / 2));
  t.ok(close(least, Math.log(0.5)));
});

t.test('where a pass over the logits is dear nothing is told', async (t) => {
  const certainty = new CertaintySum(plainScan);
  certainty.add(Float32Array.of(0, 0), 1);
  t.equal(certainty.value(), null);
});
