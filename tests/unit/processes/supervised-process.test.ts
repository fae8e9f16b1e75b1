import t from 'tap';
import { restartDelayMs } from '../../../src/processes/supervised-process.js';

t.test('pauses between restarts double up to ten seconds', async (t) => {
  t.same([1, 2, 3, 7, 8, 1000].map(restartDelayMs), [100, 200, 400, 6400, 10_000, 10_000]);
});
