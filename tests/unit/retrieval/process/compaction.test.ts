import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { createCompaction } from '../../../../src/retrieval/process/compaction.js';

t.test('many deletions are compacted at once, each tenant once, and what fails is tried again', async (t) => {
  const compacted: string[] = [];
  const errors: string[] = [];
  let isBroken = true;
  const compaction = createCompaction({
    delayMs: 20,
    compact: async (tenant) => {
      if (tenant === 'b' && isBroken) throw new Error('the disk is full');
      compacted.push(tenant);
    },
    onError: (_, what) => {
      errors.push(what);
      isBroken = false;
    },
  });
  for (const tenant of ['a', 'a', 'b', 'a']) compaction.note(tenant);
  t.same(compacted, []);
  while (compacted.length < 2) await sleep(5);
  t.same(compacted, ['a', 'b']);
  t.equal(errors.length, 1);
  compaction.note('c');
  compaction.stop();
  await sleep(40);
  t.same(compacted, ['a', 'b']);
});
