/** Rollouts of a gateway that is killed within a step: the step is taken once, the rollout goes on, and everybody is told. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import t, { type Test } from 'tap';
import { readPublicKey } from '../../src/audit/signing-key.js';
import { verifyLogs } from '../../src/audit/verify.js';
import type { RolloutPlan } from '../../src/contracts/rollouts.js';
import { answerRecord } from '../fixtures/answer-record.js';
import { answerSignals } from '../fixtures/answer-signals.js';
import { compareWithEvents } from '../fixtures/gateway/folded-events.js';
import { type GatewayProcess, NO_ENGINE, removeDataDir, startGateway, temporaryDataDir } from './gateway-process.js';
import { addAssistant, openTestRegistry } from './registry/open.js';

/** A look takes a step. */
const PLAN: RolloutPlan = { steps: [5, 25, 50, 100], leastAnswers: 10, leastMs: 0, provenFrom: 50, metrics: {} };
const ANSWERS = 400;
const HOUR_MS = 3_600_000;

/** Where a gateway is killed, in the order of what it does in one step, and events that are there afterwards. */
const KILLS: readonly (readonly [string, object, events: number])[] = [
  ['the weight is changed, nothing else of the step', { after: ['update "deployments"'] }, 2],
  ['the event with its evidence is written', { after: ['insert into "rollout_events"'] }, 2],
  ['a webhook is to be told, and nothing committed', { after: ['insert into "jobs"'], before: 'commit' }, 2],
  ['the step is committed, and nobody told', { after: ['insert into "rollout_events"', 'commit'] }, 3],
];

/** A rollout at its first step, with answers by which it goes on to the end, and a webhook. */
async function setUp(t: Test, url: string): Promise<string> {
  const dataDir = temporaryDataDir();
  t.teardown(() => removeDataDir(dataDir));
  const clock = { now: Date.now, monotonicMs: () => performance.now() };
  const registry = await openTestRegistry(dataDir, { clock });
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  await addAssistant(registry, dataDir);
  await registry.addWebhook({ tenant: 'bank', url, events: [] });
  await registry.startRollout('bank', 'assistant', { version: 2, plan: PLAN });
  // They came to their end behind the beginning of every step.
  const firstAt = Date.now() + HOUR_MS;
  const written: Promise<void>[] = [];
  for (let n = 0; n < 2 * ANSWERS; n++) {
    const arm = n % 2 === 0 ? ({ arm: 'stable', version: 1 } as const) : ({ arm: 'canary', version: 2 } as const);
    const adapter = `support@${arm.version}`;
    const times = { createdAt: firstAt + n, durationMs: 1000 + (n % 7), firstTokenMs: 100 + (n % 7) };
    written.push(registry.recordAnswer(answerRecord({ id: `a${n}`, ...arm, adapter, ...times })));
    written.push(registry.recordSignals(answerSignals({ answerId: `a${n}`, computedAt: firstAt + n })));
  }
  await Promise.all(written);
  await registry.close();
  return dataDir;
}

/** An address that is told; `beforeAnswer` may end who tells it. */
async function listen(t: Test) {
  const told: { readonly id: string; readonly revision: number }[] = [];
  const hooks = { beforeAnswer: () => {} };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    told.push({ id: String(request.headers['webhook-id']), revision: JSON.parse(body).data.revision });
    hooks.beforeAnswer();
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, told, hooks };
}

function start(dataDir: string, killAt: object = {}, lookEveryMs = 100): Promise<GatewayProcess> {
  const preload = pathToFileURL(resolve('tests/fixtures/gateway/kill-at.mjs')).href;
  return startGateway(dataDir, {
    ...NO_ENGINE,
    SWITCHYARD_DEMO: 'false',
    SWITCHYARD_ROLLOUTS_LOOK_EVERY_MS: String(lookEveryMs),
    SWITCHYARD_WEBHOOKS_ALLOWED_HOSTS: '127.0.0.1',
    SWITCHYARD_WEBHOOKS_PRIVATE_ADDRESSES: 'true',
    NODE_OPTIONS: `--import=${preload}`,
    KILL_AT: JSON.stringify(killAt),
  });
}

function check(t: Test, dataDir: string) {
  const problems = verifyLogs(dataDir, readPublicKey(dataDir), []).flatMap(({ problem }) => problem ?? []);
  t.same(problems, [], 'the audit log is sound');
  return compareWithEvents(t, dataDir);
}

t.test('a gateway that is killed within a step takes it once, and goes on', { timeout: 240_000 }, async (t) => {
  const { url, told, hooks } = await listen(t);
  const dataDir = await setUp(t, url);
  for (const [where, killAt, events] of KILLS) {
    const gateway = await start(dataDir, killAt);
    await gateway.ended();
    t.equal(check(t, dataDir).length, events, where);
  }

  t.notOk(
    told.some(({ revision }) => revision === 3),
    'of the step nobody was told',
  );
  const telling = await start(dataDir, {}, HOUR_MS);
  hooks.beforeAnswer = () => {
    if (told.at(-1)!.revision === 3) process.kill(telling.pid, 'SIGKILL');
  };
  await telling.ended();
  hooks.beforeAnswer = () => {};
  check(t, dataDir);

  const promoting = await start(dataDir, { after: ['update "adapters"'] });
  await promoting.ended();
  t.equal(check(t, dataDir).at(-1)!.served.canaryWeight, 100, 'the promotion is undone as a whole');

  const last = await start(dataDir);
  t.teardown(() => last.stop());
  const all = [2, 3, 4, 5, 6];
  while (!all.every((revision) => told.some((one) => one.revision === revision))) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const made = check(t, dataDir);
  t.same(
    made.map(({ revision, type, served }) => [revision, type, served.canaryWeight]),
    [
      [1, 'deployed', 0],
      [2, 'started', 5],
      [3, 'advanced', 25],
      [4, 'advanced', 50],
      [5, 'advanced', 100],
      [6, 'promoted', 0],
    ],
    'each step once, in its order',
  );
  t.equal(made.at(-1)!.served.stableVersion, 2);
  const idsOf = (revision: number) => told.filter((one) => one.revision === revision).map(({ id }) => id);
  t.ok(idsOf(3).length > 1, 'whoever was told before the kill is told again');
  const ids = all.map((revision) => new Set(idsOf(revision)));
  t.same(
    ids.map(({ size }) => size),
    all.map(() => 1),
    'by the same id',
  );
  t.equal(new Set(ids.flatMap((one) => [...one])).size, all.length, 'and each by its own');
});
