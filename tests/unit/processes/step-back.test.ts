import { readdirSync } from 'node:fs';
import { getPriority } from 'node:os';
import t from 'tap';
import { stepBack } from '../../../src/processes/step-back.js';

t.test(
  'all threads of a process step back from where they stand, as far as that goes',
  { skip: process.platform !== 'linux' && 'elsewhere it would be before the whole machine' },
  async (t) => {
    const threads = readdirSync('/proc/self/task').map(Number);
    t.ok(threads.length > 1, 'those that Node starts itself');
    const before = threads.map(getPriority);
    const stand = (by: number) => before.map((priority) => Math.min(19, priority + by));
    stepBack(3);
    t.same(threads.map(getPriority), stand(3));
    stepBack(4);
    t.same(threads.map(getPriority), stand(7), 'a second time is no way forward');
    stepBack(19);
    t.same(threads.map(getPriority), stand(19));
  },
);
