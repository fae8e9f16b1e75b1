import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { loadConfig } from '../../../src/config/load.js';
import type { EvalQuestion } from '../../../src/contracts/evaluations.js';
import type { Engines } from '../../../src/contracts/generator.js';
import { AppError } from '../../../src/errors/app-error.js';
import { createEvaluationWorker } from '../../../src/evaluation/worker.js';
import { createMetrics } from '../../../src/metrics/metrics.js';
import type { Pipeline } from '../../../src/pipeline/types.js';
import { addAssistant, openTestRegistry } from '../../integration/registry/open.js';

const clock = { now: Date.now, monotonicMs: () => performance.now() };
const question = (n: number): EvalQuestion => ({
  ...{ id: `q${n}`, question: `What is ${n}?`, answerable: true, accept: [`£${n}`] },
  ...{ document: 'fees.md', heading: null },
});
const QUESTIONS = Array.from({ length: 8 }, (_, n) => question(n));
const task = { tenant: 'bank', adapter: 'support', version: 2, retrieval: null, questions: QUESTIONS };

type TryOut = Pipeline['tryOut'];
/** As a version would that knows everything. */
const knows: TryOut = async ({ messages }) => {
  const fact = `£${/\d+/.exec(messages[0]!.content)![0]}`;
  const of = { title: '', filepath: 'fees.md', chunk_id: '', file_id: '', location: null, url: null };
  return { text: `It is ${fact} [1].`, citations: [{ marker: '[1]', content: `The fee is ${fact}.`, ...of }] };
};

async function setUp(t: Test) {
  const dataDir = t.testdir({});
  const registry = await openTestRegistry(dataDir, { clock });
  t.teardown(() => registry.close());
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  await addAssistant(registry, dataDir);
  const metrics = createMetrics(loadConfig({ env: {} }).metrics, clock);
  const state = { queued: 0 };
  const engines = { names: ['embedded'], of: () => ({ status: () => state }) } as unknown as Engines;
  const errors: string[] = [];
  const work = (tryOut: TryOut) => {
    const onError = (_: unknown, what: string) => errors.push(what);
    const worker = createEvaluationWorker({ registry, pipeline: { tryOut }, engines, metrics, clock, onError });
    worker.start();
    t.teardown(() => worker.close());
    return worker;
  };
  const until = async (id: string, status: string) => {
    for (;;) {
      const run = await registry.getEvaluationRun('bank', id);
      if (run.status === status) return run;
      await sleep(5);
    }
  };
  return { registry, metrics, state, work, until, errors };
}

t.test('all questions are asked as npm run eval asks, and the figures are the same', async (t) => {
  const { registry, metrics, work, until } = await setUp(t);
  const asked: Parameters<TryOut>[0][] = [];
  const { id } = await registry.startEvaluationRun(task, { actor: 'key_1' });
  work((request, signal) => {
    asked.push(request);
    return knows(request, signal);
  });
  t.match(await until(id, 'completed'), {
    figures: { questions: 8, fact: 1, fact_cited: 1, citation_precision: 1, false_refusals: 0, found: 1 },
    report: 1,
  });
  t.equal(asked.length, 8);
  t.match(asked[0], {
    principal: { tenant: 'bank', keyId: 'key_1', groups: null },
    ...{ model: 'assistant@2', sampling: { temperature: 0 }, maxTokens: 96, retrieval: null },
  });
  const text = await metrics.render();
  t.match(text, /evaluation_answers_total\{tenant="bank",adapter="support@2",outcome="completed"\} 8/);
  t.match(text, /jobs_ended_total\{kind="evaluation",outcome="completed"\} 1/);
});

t.test('nothing is begun while somebody waits for the engine', async (t) => {
  const { registry, state, work, until } = await setUp(t);
  state.queued = 1;
  let asked = 0;
  const { id } = await registry.startEvaluationRun(task);
  work((request, signal) => {
    asked++;
    return knows(request, signal);
  });
  await until(id, 'running');
  await sleep(50);
  t.equal(asked, 0);
  state.queued = 0;
  await until(id, 'completed');
  t.equal(asked, 8);
});

t.test('an engine that has no room is asked again, and costs no attempt', async (t) => {
  const { registry, work, until } = await setUp(t);
  let calls = 0;
  const { id } = await registry.startEvaluationRun(task);
  work((request, signal) => {
    if (calls++ === 0) throw new AppError('engine_unavailable', { reason: 'it starts', retryAfterS: 1 });
    return knows(request, signal);
  });
  t.match(await until(id, 'completed'), { attempts: 1, answered: 8 });
  t.equal(calls, 9);
});

t.test('after a restart it goes on where it was, and asks nothing twice that was answered', async (t) => {
  const { registry, work, until } = await setUp(t);
  const asked = new Map<string, number>();
  const { id } = await registry.startEvaluationRun(task);
  let isStuck = false;
  const count: TryOut = async (request, signal) => {
    if (isStuck) await sleep(60_000, undefined, { signal });
    const { content } = request.messages[0]!;
    asked.set(content, (asked.get(content) ?? 0) + 1);
    isStuck = asked.size === 3;
    return knows(request, signal);
  };
  const first = work(count);
  while ((await registry.getEvaluationRun('bank', id)).answered < 3) await sleep(5);
  await first.close();
  t.match(await registry.getEvaluationRun('bank', id), { status: 'queued', attempts: 0, answered: 3 });
  isStuck = false;
  work((request, signal) => {
    const { content } = request.messages[0]!;
    asked.set(content, (asked.get(content) ?? 0) + 1);
    return knows(request, signal);
  });
  t.match(await until(id, 'completed'), { answered: 8, figures: { questions: 8, fact: 1 } });
  t.same([...asked.values()], Array(8).fill(1));
});

t.test('a question that cannot be answered ends it, and is named', async (t) => {
  const { registry, metrics, work, until } = await setUp(t);
  const { id } = await registry.startEvaluationRun(task);
  work((request, signal) => {
    if (request.messages[0]!.content.includes('5')) throw new AppError('model_not_found', { model: request.model });
    return knows(request, signal);
  });
  t.match(await until(id, 'failed'), { error: { code: 'invalid_value', message: /^questions\[5\]: .*assistant@2/ } });
  t.match(await metrics.render(), /jobs_ended_total\{kind="evaluation",outcome="failed"\} 1/);
  t.same(await registry.listEvaluations('bank', 'support', 2), []);
});

t.test('what is called off stops, and the next one begins', async (t) => {
  const { registry, work, until, errors } = await setUp(t);
  const { id } = await registry.startEvaluationRun(task);
  const next = await registry.startEvaluationRun({ ...task, version: 1 });
  let stopped = 0;
  work(async (request, signal) => {
    if (request.model === 'assistant@2') {
      await sleep(60_000, undefined, { signal }).finally(() => stopped++);
    }
    return knows(request, signal);
  });
  await until(id, 'running');
  await registry.cancelEvaluationRun('bank', id);
  t.match(await until(next.id, 'completed'), { answered: 8 });
  t.equal(stopped, 2, 'those under way');
  t.match(await registry.getEvaluationRun('bank', id), { status: 'cancelled', answered: 0, figures: null });
  t.same(errors, []);
});
