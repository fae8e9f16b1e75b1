import t from 'tap';
import { waitedForProcessorMs } from '../../../src/machine/machine.js';

t.test('the time that this thread waited for a processor never goes back', async (t) => {
  const before = waitedForProcessorMs();
  const endMs = performance.now() + 20;
  while (performance.now() < endMs);
  t.ok(waitedForProcessorMs() >= before && Number.isFinite(before));
});
