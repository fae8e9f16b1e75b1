import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openRightOfWay } from '../../../../src/retrieval/process/right-of-way.js';

t.test('processors are wanted until the last short work ends, and never for long', async (t) => {
  const file = join(t.testdir({}), 'right-of-way');
  let nowNs = 1_000_000_000n;
  const way = openRightOfWay(file, () => nowNs);
  t.teardown(way.close);
  const wished = () => readFileSync(file).readBigInt64LE();
  const first = way.take();
  t.equal(wished(), 1_050_000_000n);
  nowNs += 10_000_000n;
  const second = way.take();
  t.equal(wished(), 1_060_000_000n);
  first();
  t.equal(wished(), 1_060_000_000n, 'the second goes on');
  second();
  t.equal(wished(), 0n);
  t.equal(statSync(file).mode & 0o777, 0o600);
});

t.test('a file of before is taken over', async (t) => {
  const file = join(t.testdir({ 'right-of-way': 'something longer than that' }), 'right-of-way');
  const way = openRightOfWay(file, () => 0n);
  t.teardown(way.close);
  way.take()();
  t.equal(readFileSync(file).readBigInt64LE(), 0n);
});
