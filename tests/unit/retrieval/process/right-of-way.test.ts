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
  const first = way.take('a');
  t.equal(wished(), 1_050_000_000n);
  nowNs += 10_000_000n;
  const second = way.take('b');
  t.equal(wished(), 1_060_000_000n);
  first();
  t.equal(wished(), 1_060_000_000n, 'the second goes on');
  second();
  t.equal(wished(), 0n);
  t.equal(statSync(file).mode & 0o777, 0o600);
});

t.test('who has it often has it no more, for as long as that was much', async (t) => {
  const file = join(t.testdir({}), 'right-of-way');
  let nowNs = 1_000_000_000n;
  const way = openRightOfWay(file, () => nowNs);
  t.teardown(way.close);
  const isWished = (tenant: string) => {
    const leave = way.take(tenant);
    const wished = readFileSync(file).readBigInt64LE() !== 0n;
    nowNs += 60_000_000n;
    leave();
    return wished;
  };
  t.same(
    Array.from({ length: 8 }, () => isWished('flood')),
    [true, true, true, true, true, true, true, false],
  );
  t.ok(isWished('person'));
  nowNs += 10_000_000_000n;
  t.ok(isWished('flood'));
});

t.test('a file of before is taken over', async (t) => {
  const file = join(t.testdir({ 'right-of-way': 'something longer than that' }), 'right-of-way');
  const way = openRightOfWay(file, () => 0n);
  t.teardown(way.close);
  way.take('a')();
  t.equal(readFileSync(file).readBigInt64LE(), 0n);
});
