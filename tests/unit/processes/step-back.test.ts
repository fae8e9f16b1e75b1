import { getPriority } from 'node:os';
import t from 'tap';
import { stepBack } from '../../../src/processes/step-back.js';

t.test(
  'a thread steps back from where it stands, as far as that goes',
  { skip: process.platform !== 'linux' && 'elsewhere it would be the whole process' },
  async (t) => {
    const before = getPriority();
    stepBack(3);
    t.equal(getPriority(), Math.min(19, before + 3));
    stepBack(4);
    t.equal(getPriority(), Math.min(19, before + 7), 'a second time is no way forward');
    stepBack(19);
    t.equal(getPriority(), 19);
  },
);
