import t from 'tap';
import { Pacer } from '../../../src/queues/pacer.js';

function open() {
  const clock = { ms: 1000 };
  const pacer = new Pacer({ perMs: 10, burstMs: 50, longestWaitMs: 400, nowMs: () => clock.ms });
  return { clock, pacer };
}

t.test('a burst goes at once, and what follows waits until that much has come back', async (t) => {
  const { clock, pacer } = open();
  const waits = Array.from({ length: 8 }, () => pacer.take('flood', 100));
  t.same(waits, [0, 0, 0, 0, 0, 0, 10, 20], 'one behind the other, at ten a millisecond');
  t.equal(pacer.take('bank', 100), 0, 'each tenant has its own rate');
  clock.ms += 30;
  t.equal(pacer.take('flood', 100), 0);
  clock.ms += 1000;
  const later = Array.from({ length: 7 }, () => pacer.take('flood', 100));
  t.same(later, [0, 0, 0, 0, 0, 0, 10], 'who was silent for long has one burst, not all that it left');
});

t.test(
  'what is large goes at once where nothing was used, and nobody waits longer than the longest wait',
  async (t) => {
    const { clock, pacer } = open();
    t.equal(pacer.take('flood', 1_000_000), 0);
    t.equal(pacer.take('flood', 1_000_000), 400);
    clock.ms += 150;
    t.equal(pacer.take('flood', 1), 250);
  },
);

t.test('tenants that come and go are forgotten, one that uses much is not', async (t) => {
  const { clock, pacer } = open();
  for (let i = 0; i < 5000; i++) {
    clock.ms += 1;
    pacer.take('flood', 20);
    pacer.take(`tenant-${i}`, 1);
  }
  t.ok(pacer.take('flood', 20) > 0);
});
