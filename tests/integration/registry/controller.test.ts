import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createRolloutController, type Look } from '../../../src/canary/controller.js';
import type { JudgedAnswer, RolloutPlan } from '../../../src/contracts/rollouts.js';
import { bothArms } from '../../fixtures/judged-answers.js';
import { openTestRegistry, retrieval } from './open.js';

const PLAN: RolloutPlan = { steps: [5, 50, 100], leastAnswers: 10, leastMs: 0, provenFrom: 50, metrics: {} };
const GOOD = bothArms(400).map((answer) => ({ ...answer, endedAt: answer.endedAt + 1e9 }));
const BAD = GOOD.map((answer, n) =>
  answer.arm === 'canary' && n % 3 === 0 ? { ...answer, outcome: 'generation_failed' } : answer,
);

/** A controller over a real registry; the answers that it judges are given. */
async function setUp(t: Test, plan: Partial<RolloutPlan> = {}) {
  const root = t.testdir({ a: { weights: '1' }, b: { weights: '2' }, data: {} });
  const data = join(root, 'data');
  const opened = await openTestRegistry(data);
  await opened.createTenant({ id: 'bank', name: 'Bank' });
  for (const folder of ['a', 'b'])
    await opened.addAdapter({ tenant: 'bank', name: 'support', folder: join(root, folder) });
  const settings = { tenant: 'bank', name: 'assistant', adapter: 'support', instructions: '', retrieval };
  await opened.putDeployment({ ...settings, stableVersion: 1 });
  await opened.startRollout('bank', 'assistant', { version: 2, plan: { ...PLAN, ...plan } });
  await opened.close();

  const registry = await openTestRegistry(data);
  t.teardown(() => registry.close());
  let answers: readonly JudgedAnswer[] = [];
  const looks: Look[] = [];
  const errors: unknown[] = [];
  const options = {
    clock: { now: Date.now, monotonicMs: () => 0 },
    lookEveryMs: 1,
    onLook: (look: Look) => looks.push(look),
    onExperiment: () => {},
    onError: (error: unknown) => errors.push(error),
  };
  const judged = { ...registry, judgedAnswers: async () => answers };
  const controller = createRolloutController({ ...options, registry: judged, holder: 'a' });
  return {
    registry,
    controller,
    looks,
    errors,
    options: { ...options, registry: judged },
    judge: (given: readonly JudgedAnswer[]) => {
      answers = given;
      return controller.look();
    },
    current: () => registry.getDeployment('bank', 'assistant'),
    last: async () => (await registry.listRolloutEvents('bank', 'assistant', 1))[0]!,
  };
}

t.test('a good version goes step by step to the end, one step a look', async (t) => {
  const { judge, current, last, looks } = await setUp(t);
  await judge(GOOD);
  t.match(await current(), { canaryWeight: 50, rollout: { step: 1 } });
  t.match(await last(), { type: 'advanced', actor: 'controller', evidence: { outcome: 'pass', canaryAnswers: 400 } });
  await judge(GOOD);
  t.match(await current(), { canaryWeight: 100, stableVersion: 1 });
  await judge(GOOD);
  t.match(await current(), { stableVersion: 2, canaryVersion: null, rollout: null });
  t.match(await last(), { type: 'promoted', evidence: { outcome: 'pass' } });
  await judge(GOOD);
  t.equal(looks.length, 3, 'and is left alone then');
});

t.test('a worse version is rolled back at once, with the evidence on record', async (t) => {
  const { judge, current, last } = await setUp(t, { leastAnswers: 1_000_000 });
  await judge(BAD);
  t.match(await current(), { stableVersion: 1, canaryVersion: null, canaryWeight: 0, rollout: null });
  const { type, actor, reason, evidence } = await last();
  t.match({ type, actor, reason }, { type: 'rolled_back', actor: 'controller', reason: 'worse in errors' });
  t.match(
    evidence!.metrics.find(({ metric }) => metric === 'errors'),
    { outcome: 'fail', stable: 0, evidenceOfWorse: Number },
  );
});

t.test('what is not known advances small steps alone', async (t) => {
  const few = GOOD.slice(0, 40);
  const small = await setUp(t, { steps: [5, 25, 50, 100] });
  await small.judge(few);
  t.match(await small.current(), { canaryWeight: 25 });
  await small.judge(few);
  t.match(await small.current(), { canaryWeight: 25 });
  t.match(small.looks.at(-1)!.decision, { action: 'hold', reason: /not yet known/ });
});

t.test('a step has its least number of answers and its least time', async (t) => {
  const answers = await setUp(t, { leastAnswers: 401 });
  await answers.judge(GOOD);
  t.match(answers.looks[0]!.decision, { action: 'hold', reason: '400 of 401 answers at this step' });
  const time = await setUp(t, { leastMs: 30 * 24 * 3_600_000 });
  // The registry's clock of these tests begins at 0.
  time.options.clock.now = () => 60_000;
  await createRolloutController({ ...time.options, holder: 'a' }).look();
  await time.judge(GOOD);
  t.match(time.looks.at(-1)!.decision, { action: 'hold', reason: /of 2592000 s at this step/ });
});

t.test('a paused rollout stays where it is, but for a failure', async (t) => {
  const { registry, judge, current, looks } = await setUp(t);
  await registry.changeRollout('bank', 'assistant', 'pause');
  await judge(GOOD);
  t.match(looks[0]!.decision, { action: 'hold', reason: 'paused' });
  t.match(await current(), { canaryWeight: 5 });
  await judge(BAD);
  t.match(await current(), { canaryVersion: null });
});

t.test('of two controllers over one store one acts', async (t) => {
  const { options, judge, looks } = await setUp(t, { steps: [5, 10, 20, 40, 100] });
  const slow = { ...options, lookEveryMs: 1_000_000 };
  await createRolloutController({ ...slow, holder: 'first' }).look();
  t.equal(looks.length, 1);
  await judge(GOOD);
  t.equal(looks.length, 1);
});

t.test('a change that somebody made while it was judged is not overwritten', async (t) => {
  const { registry, options, errors, last } = await setUp(t);
  const racing = {
    ...options.registry,
    async judgedAnswers() {
      await registry.rollback('bank', 'assistant', { actor: 'somebody' });
      return GOOD;
    },
  };
  await createRolloutController({ ...options, registry: racing, holder: 'a' }).look();
  t.match(await last(), { type: 'rolled_back', actor: 'somebody' });
  t.same(errors, []);
});

t.test('a rollout that cannot be judged stands in the way of no other, and is told', async (t) => {
  const { options, errors } = await setUp(t);
  const broken = { ...options.registry, judgedAnswers: () => Promise.reject(new Error('no disk')) };
  await createRolloutController({ ...options, registry: broken, holder: 'a' }).look();
  t.match(errors, [{ message: 'no disk' }]);
});

t.test('once started it looks by itself, until it is closed', async (t) => {
  const { controller, looks } = await setUp(t);
  controller.start();
  while (looks.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  await controller.close();
  const { length } = looks;
  await new Promise((resolve) => setTimeout(resolve, 30));
  t.equal(looks.length, length);
});
