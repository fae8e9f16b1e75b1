import t from 'tap';
import { readLive, readScrape } from '../../../src/metrics/live.js';
import { createMetrics } from '../../../src/metrics/metrics.js';

const bank = { tenant: 'bank', deployment: 'assistant', adapter: 'support@1', arm: 'stable' };
const shop = { tenant: 'shop', deployment: 'say "hi"\\n', adapter: 'base', arm: 'base' };

function gateway() {
  return createMetrics({ maxLabelValues: 100 }, { now: () => 0, monotonicMs: () => 0 });
}

t.test('two looks at real metrics give rates, quantiles and the busiest version first', async (t) => {
  const metrics = gateway();
  metrics.add('requests_total', { ...bank, outcome: 'completed' }, 5);
  metrics.observe('time_to_first_token_seconds', bank, 9);
  const before = readScrape(await metrics.render(), 1000);
  const first = readLive(null, before);
  t.match(first, { requestsPerS: null, firstTokenP50S: null, traffic: [{ requests: 5, tokensPerS: null }] });

  metrics.add('requests_total', { ...bank, outcome: 'completed' }, 4);
  metrics.add('requests_total', { ...bank, outcome: 'queue_full' }, 1);
  metrics.add('requests_total', { ...shop, outcome: 'aborted' }, 3);
  metrics.add('tokens_total', { ...shop, direction: 'completion' }, 60);
  metrics.add('tokens_total', { ...bank, direction: 'prompt' }, 20);
  for (const seconds of [0.015, 0.015, 0.03, 0.03]) metrics.observe('time_to_first_token_seconds', bank, seconds);
  metrics.set('kv_slots', { engine: 'embedded' }, 8);
  metrics.set('kv_slots_in_use', { engine: 'embedded' }, 3);
  metrics.set('check_ready', { check: 'engine' }, 1);
  metrics.set('check_ready', { check: 'storage' }, 0);
  const live = readLive(before, readScrape(await metrics.render(), 3000));
  t.match(live, {
    requestsPerS: 4,
    errorsPerS: 0.5,
    promptTokensPerS: 10,
    completionTokensPerS: 30,
    slots: 8,
    slotsInUse: 3,
    notReady: ['storage'],
  });
  t.equal(live.firstTokenP50S, 0.02, 'the end of the bucket that holds the first two of four; 9 s were before');
  t.ok(live.firstTokenP95S! > 0.02 && live.firstTokenP95S! <= 0.04);
  t.match(live.traffic, [
    { ...shop, requests: 3, requestsPerS: 1.5, tokensPerS: 30, firstTokenS: null },
    { ...bank, requests: 10, requestsPerS: 2.5, tokensPerS: 10 },
  ]);
});

t.test('a gateway that was started anew has no negative rates', async (t) => {
  const old = gateway();
  old.add('requests_total', { ...bank, outcome: 'completed' }, 50);
  old.observe('time_to_first_token_seconds', bank, 1);
  const fresh = gateway();
  fresh.add('requests_total', { ...bank, outcome: 'completed' }, 2);
  const before = readScrape(await old.render(), 0);
  const live = readLive(before, readScrape(await fresh.render(), 1000));
  t.match(live, { requestsPerS: 0, firstTokenP50S: null });
});
