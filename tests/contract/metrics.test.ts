import { spawnSync } from 'node:child_process';
import t from 'tap';
import { METRIC_PREFIX, METRICS, type MetricSpec } from '../../src/metrics/table.js';
import { bearer, createTestServer } from '../http/fakes.js';

async function exposition(): Promise<string> {
  const { app } = await createTestServer();
  await app.inject({
    method: 'POST',
    url: '/v1/chat/completions',
    headers: bearer(),
    payload: { model: 'assistant', messages: [{ role: 'user', content: 'Hi' }] },
  });
  const { body } = await app.inject('/metrics');
  await app.close();
  return body;
}

t.test('names end in their unit, and in _total where they count', async (t) => {
  for (const [name, spec] of Object.entries(METRICS) as [string, MetricSpec][]) {
    t.match(name, /^[a-z]+(_[a-z]+)*$/);
    t.equal(name.endsWith('_total'), spec.type === 'counter', `${name} is a ${spec.type}`);
    t.notMatch(name, /_(ms|milliseconds|kb|mb|percent|count|sum|bucket)$/, name);
    if (/duration|swap|time_|rebuild/.test(name)) t.match(name, /_seconds$/);
    if (spec.type === 'histogram') {
      const sorted = [...spec.buckets!].sort((a, b) => a - b);
      t.same(spec.buckets, sorted, `${name}: buckets ascend`);
    }
    t.match(spec.help, /^[A-Z0-9].*\.$/, `${name}: help is a sentence`);
  }
});

t.test('every metric of the table is exposed with its type and its help, and with our prefix alone', async (t) => {
  const text = await exposition();
  for (const [name, spec] of Object.entries(METRICS)) {
    t.match(text, `# TYPE ${METRIC_PREFIX}${name} ${spec.type}\n`);
    t.match(text, `# HELP ${METRIC_PREFIX}${name} ${spec.help}\n`);
  }
  const names = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  for (const [, name, type] of names) {
    t.ok(name!.startsWith(METRIC_PREFIX), name);
    if (type === 'gauge') t.notMatch(name, /_total$/, `${name} is a gauge`);
  }
});

t.test('promtool has nothing to say against it', async (t) => {
  const run = spawnSync('promtool', ['check', 'metrics'], { input: await exposition(), encoding: 'utf8' });
  if (run.error) {
    t.comment('promtool is not installed; the rules above stand alone');
    return;
  }
  t.equal(run.stdout + run.stderr, '');
  t.equal(run.status, 0);
});
