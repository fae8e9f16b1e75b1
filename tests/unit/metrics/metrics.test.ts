import { rmdirSync, statfsSync } from 'node:fs';
import t from 'tap';
import { createEngines } from '../../../src/generation/engines.js';
import { createMetrics } from '../../../src/metrics/metrics.js';
import { watchDisk, watchServices } from '../../../src/metrics/watch.js';
import { createFakeEngine, createFakeRegistry, createFakeRetrieval, createFakeTokenizer } from '../../http/fakes.js';

const config = { maxLabelValues: 2 };
let nowMs = 0;
const clock = { now: Date.now, monotonicMs: () => nowMs };

t.test('what is counted, set and observed is exposed in base units', async (t) => {
  const metrics = createMetrics(config, clock);
  metrics.add('ingest_files_total', { outcome: 'completed' });
  metrics.add('ingest_files_total', { outcome: 'completed' }, 2);
  metrics.set('passages', {}, 7);
  metrics.observe('adapter_swap_seconds', { engine: 'embedded' }, 0.004);
  const text = await metrics.render();
  t.match(text, 'switchyard_ingest_files_total{outcome="completed"} 3');
  t.match(text, 'switchyard_passages 7');
  t.match(text, 'switchyard_adapter_swap_seconds_bucket{le="0.0025",engine="embedded"} 0');
  t.match(text, 'switchyard_adapter_swap_seconds_bucket{le="0.005",engine="embedded"} 1');
  t.match(text, 'switchyard_adapter_swap_seconds_sum{engine="embedded"} 0.004');
});

t.test('a label that is full is called other, and that is counted', async (t) => {
  const metrics = createMetrics(config, clock);
  for (const tenant of ['a', 'b', 'c', 'd']) {
    metrics.observe('retrieval_top_score', { tenant, deployment: 'x' }, 0.5);
  }
  const text = await metrics.render();
  t.match(text, 'switchyard_retrieval_top_score_count{tenant="other",deployment="x"} 2');
  t.notMatch(text, 'tenant="c"');
  t.match(text, 'switchyard_label_overflow_total{label="tenant"} 2');
});

t.test('observations and status of the child processes become metrics', async (t) => {
  const metrics = createMetrics(config, clock);
  const engine = createFakeEngine();
  const tokenizer = createFakeTokenizer();
  const retrieval = createFakeRetrieval();
  const registry = createFakeRegistry();
  watchServices(metrics, { engines: createEngines([['embedded', engine]]), tokenizer, retrieval, registry });
  engine.emit({ type: 'step', kind: 'decode', rows: 4, tokens: 9, drafted: 5, accepted: 3, durationMs: 8 });
  engine.emit({ type: 'prefix', lookupTokens: 50, hitTokens: 32 });
  const asked = { type: 'passage', tenant: 'bank', deployment: 'assistant' } as const;
  engine.emit({ ...asked, tokens: 90, wasKnown: true, turnedBy: 40 });
  engine.emit({ ...asked, tokens: 70, wasKnown: false, turnedBy: 0 });
  engine.emit({ type: 'adapter_load', durationMs: 20 });
  engine.emit({ type: 'restart' });
  tokenizer.restart();
  retrieval.emit({ type: 'ingest', outcome: 'failed', passages: 0, durationMs: 5 });
  retrieval.emit({ type: 'ingest', outcome: 'completed', passages: 3, durationMs: 50 });
  retrieval.emit({ type: 'index_rebuild', durationMs: 100 });
  retrieval.emit({ type: 'restart' });
  retrieval.ready = false;
  const text = await metrics.render();
  for (const line of [
    'switchyard_engine_step_duration_seconds_sum{kind="decode"} 0.008',
    'switchyard_engine_step_rows_sum{kind="decode"} 4',
    'switchyard_engine_drafted_tokens_total{outcome="accepted"} 3',
    'switchyard_engine_drafted_tokens_total{outcome="rejected"} 2',
    'switchyard_engine_prefix_tokens_total{engine="embedded",outcome="hit"} 32',
    'switchyard_engine_prefix_tokens_total{engine="embedded",outcome="miss"} 18',
    'switchyard_engine_passage_tokens_total{tenant="bank",deployment="assistant",outcome="hit"} 90',
    'switchyard_engine_passage_tokens_total{tenant="bank",deployment="assistant",outcome="miss"} 70',
    'switchyard_engine_passage_turns_total{tenant="bank",deployment="assistant"} 1',
    'switchyard_engine_passage_bytes{tenant="bank"} 2000',
    'switchyard_adapter_swap_seconds_sum{engine="embedded"} 0.02',
    'switchyard_child_restarts_total{process="engine"} 1',
    'switchyard_ingest_files_total{outcome="failed"} 1',
    'switchyard_ingest_passages_total 3',
    'switchyard_ingest_duration_seconds_count 2',
    'switchyard_index_rebuild_seconds_sum 0.1',
    'switchyard_child_restarts_total{process="retrieval"} 1',
    'switchyard_child_restarts_total{process="tokenizer"} 1',
    'switchyard_child_resident_memory_bytes{process="tokenizer"} 3000',
    'switchyard_tokenizer_queue_length 3',
    'switchyard_child_up{process="engine"} 1',
    'switchyard_child_up{process="retrieval"} 0',
    'switchyard_child_resident_memory_bytes{process="engine"} 1000',
    'switchyard_kv_slots{engine="embedded"} 8',
    'switchyard_passages 5',
    'switchyard_jobs{kind="ingest",status="queued"} 2',
    'switchyard_canary_weight{tenant="bank",deployment="assistant",adapter="support@2"} 0',
  ]) {
    t.match(text, line);
  }
});

t.test('a canary that ended leaves no weight behind', async (t) => {
  const metrics = createMetrics(config, clock);
  const registry = createFakeRegistry();
  watchServices(metrics, {
    engines: createEngines([['embedded', createFakeEngine()]]),
    tokenizer: createFakeTokenizer(),
    retrieval: createFakeRetrieval(),
    registry,
  });
  t.match(await metrics.render(), 'adapter="support@2"');
  registry.deployments[0] = { ...registry.deployments[0]!, canaryVersion: null };
  t.notMatch(await metrics.render(), 'adapter="support@2"');
});

t.test('the series of a version that gave way are gone, and those of the newest are there', async (t) => {
  const metrics = createMetrics(config, clock);
  const count = (version: number) => {
    const labels = { tenant: 'a', deployment: 'x', adapter: `support@${version}`, arm: 'stable' };
    metrics.add('tokens_total', { ...labels, direction: 'prompt' }, version);
    metrics.observe('request_duration_seconds', labels, 1);
  };
  count(1);
  count(2);
  nowMs += 11 * 60_000;
  count(2);
  count(3);
  const text = await metrics.render();
  t.notMatch(text, 'support@1');
  t.match(text, /tokens_total{.*adapter="support@2".*} 4/);
  t.match(text, /request_duration_seconds_count{.*adapter="support@3".*} 1/);
});

t.test('a state of several things is not shown as one', async (t) => {
  const metrics = createMetrics(config, clock);
  for (const version of [1, 2, 3, 4]) {
    metrics.set('canary_weight', { tenant: 'a', deployment: 'x', adapter: `support@${version}` }, version);
  }
  const text = await metrics.render();
  t.match(text, 'adapter="support@2"} 2');
  t.notMatch(text, /canary_weight{.*other/);
});

t.test('the room on the disk is told, and not a number where its folder is gone', async (t) => {
  const folder = t.testdir({});
  const metrics = createMetrics(config, clock);
  watchDisk(metrics, folder);
  const read = async (name: string) =>
    Number(new RegExp(`^switchyard_${name} (\\S+)$`, 'm').exec(await metrics.render())?.[1]);
  const { bavail, bsize, blocks } = statfsSync(folder);
  t.equal(await read('disk_size_bytes'), blocks * bsize);
  const free = await read('disk_free_bytes');
  t.ok(Math.abs(free - bavail * bsize) < 0.05 * blocks * bsize, `${free}`);
  rmdirSync(folder);
  t.ok(Number.isNaN(await read('disk_free_bytes')), 'no alert about 0 bytes');
});
