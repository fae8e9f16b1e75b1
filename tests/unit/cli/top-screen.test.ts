import t from 'tap';
import { formatTop } from '../../../src/cli/top-screen.js';
import type { Live } from '../../../src/metrics/live.js';

const idle: Live = {
  atMs: Date.UTC(2026, 10, 27, 9, 5, 7),
  requestsPerS: 0,
  errorsPerS: 0,
  promptTokensPerS: 0,
  completionTokensPerS: 0,
  firstTokenP50S: null,
  firstTokenP95S: null,
  slots: 8,
  slotsInUse: 0,
  queued: 0,
  engines: [{ engine: 'embedded', ready: true, slots: 8, slotsInUse: 0, queued: 0 }],
  adaptersResident: 0,
  passages: 0,
  ingestQueue: 0,
  rssBytes: 1.5e9,
  notReady: [],
  traffic: [],
};

t.test('a gateway at work: slots, queue, tokens and its versions, the busiest first', async (t) => {
  const bank = { tenant: 'bank', deployment: 'assistant', adapter: 'support@2', arm: 'canary', requests: 12 };
  const text = formatTop(
    {
      ...idle,
      ...{ requestsPerS: 1.5, completionTokensPerS: 240, firstTokenP50S: 0.2184, slotsInUse: 4, queued: 3 },
      traffic: [{ ...bank, requestsPerS: 1.5, tokensPerS: 240, firstTokenS: 0.2184 }],
    },
    'http://127.0.0.1:8080',
  );
  t.match(text, /^http:\/\/127\.0\.0\.1:8080 {2}ready {2}09:05:07 UTC\n/);
  t.match(text, /answers +1\.50 a second, 0 errors\n/);
  t.match(text, /tokens +240 written a second/);
  t.match(text, /first token +218 ms median, - at most/);
  t.match(text, `[${'#'.repeat(15)}${' '.repeat(15)}] 4 of 8, 3 waiting`);
  t.match(text, /bank +assistant +support@2 +canary +12 +1\.50 +240 +218 ms\n$/);
});

t.test('a gateway without traffic, and one that is not ready, say so', async (t) => {
  t.match(formatTop(idle, 'http://x'), /No answer was asked for yet\.\n$/);
  const before = { ...idle, requestsPerS: null, slots: 0, notReady: ['engine', 'storage'] };
  t.match(formatTop(before, 'http://x'), /not ready: engine, storage/);
  t.match(formatTop(before, 'http://x'), /answers +- a second/);
});

t.test('several engines have a line each', async (t) => {
  const load = { slots: 4, slotsInUse: 2, queued: 1 };
  const engines = [
    { engine: 'embedded', ready: true, ...load },
    { engine: 'gpu', ready: false, ...load },
  ];
  const text = formatTop({ ...idle, engines }, 'http://x');
  t.match(text, `  embedded   [${'#'.repeat(15)}${' '.repeat(15)}] 2 of 4, 1 waiting\n`);
  t.match(text, /^ {2}gpu .* 2 of 4, 1 waiting, not ready\n/m);
  t.notMatch(formatTop(idle, 'http://x'), 'embedded', 'one is all of them');
});
