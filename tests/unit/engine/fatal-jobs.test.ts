import t from 'tap';
import { FatalJobs } from '../../../src/engine/fatal-jobs.js';

function setUp() {
  const time = { ms: 0 };
  const fatal = new FatalJobs({ now: () => 0, monotonicMs: () => time.ms });
  return { time, fatal };
}
const job = (id: number, tenant = 'bank') => ({
  tenant,
  audience: '',
  adapter: null,
  promptIds: Int32Array.of(1, 2, id),
});

t.test('a request that the engine died of twice is refused the third time, whoever else was there', async (t) => {
  const { fatal } = setUp();
  fatal.check(job(1));
  fatal.died([job(1), job(2)]);
  fatal.check(job(1));
  fatal.died([job(1), job(3)]);
  t.throws(() => fatal.check(job(1)), { code: 'request_ends_engine', message: /died 2 times/ });
  for (const innocent of [job(2), job(3), job(1, 'shop')]) fatal.check(innocent);
});

t.test('a request that was answered in between is not suspected', async () => {
  const { fatal } = setUp();
  fatal.died([job(1)]);
  fatal.survived(job(1));
  fatal.died([job(1)]);
  fatal.check(job(1));
});

t.test('one death counts once, however many answered the same', async (t) => {
  const { fatal } = setUp();
  fatal.died([job(1), job(1), job(1)]);
  t.doesNotThrow(() => fatal.check(job(1)));
});

t.test('it may try again later', async (t) => {
  const { fatal, time } = setUp();
  fatal.died([job(1)]);
  fatal.died([job(1)]);
  time.ms = 599_000;
  t.throws(() => fatal.check(job(1)), { code: 'request_ends_engine' });
  time.ms = 601_000;
  fatal.check(job(1));
});

t.test('what is remembered is bounded', async (t) => {
  const { fatal } = setUp();
  const many = Array.from({ length: 2000 }, (_, id) => job(id));
  fatal.died(many);
  fatal.died(many);
  fatal.check(job(0));
  t.throws(() => fatal.check(job(1999)), { code: 'request_ends_engine' });
});
