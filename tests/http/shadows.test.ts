import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { readSamples, total } from './exposition.js';
import { bearer, createTestServer, HR_KEY, KEY, passage, type TestServerOptions } from './fakes.js';

const ask = (headers: object = {}, key = KEY, payload: object = {}) => ({
  method: 'POST' as const,
  url: '/v1/chat/completions',
  headers: { ...bearer(key), ...headers },
  payload: { model: 'assistant', user: 'u', messages: [{ role: 'user', content: 'What is the fee?' }], ...payload },
});

/** The canary, version 2, answers what version 1 answers, and is for the group `hr`. */
async function shadowed(t: Test, options: TestServerOptions = {}) {
  const server = await createTestServer(options);
  t.teardown(() => server.app.close());
  const [deployment] = server.registry.deployments;
  server.registry.deployments[0] = { ...deployment!, shadowWeight: 100, canaryGroups: ['hr'] };
  const count = async (name: string, labels: Record<string, string>) =>
    total(readSamples(await server.metrics.render()), name, labels);
  const shadows = (outcome: string) => count('shadow_answers_total', { outcome });
  const until = async (outcome: string, number = 1) => {
    for (let left = 200; (await shadows(outcome)) < number && left > 0; left--) await sleep(5);
    t.equal(await shadows(outcome), number, outcome);
  };
  return { ...server, count, until };
}

t.test('the canary answers the same prompt again behind everything, and nobody sees, pays or counts it', async (t) => {
  const { app, engine, registry, retrieval, quality, count, until } = await shadowed(t);
  retrieval.passages.set('bank', [passage('fees', 'The fee is £5.', 0.9)]);
  registry.limits = { ...registry.limits, tokensPerMinute: 1000 };
  const response = await app.inject(ask({}, KEY, { max_tokens: 9, stop: ['###'], include_receipt: true }));
  t.equal(response.headers['x-adapter'], 'support@1');
  await until('completed');
  await quality.settled();
  t.match(registry.answers, [
    { version: 1, arm: 'stable', assignedBy: 'weight', pair: response.json().id, outcome: 'completed' },
    { version: 2, arm: 'canary', assignedBy: 'shadow', pair: response.json().id, outcome: 'completed' },
  ]);
  const [first, again] = engine.requests;
  t.same(again!.prompt, first!.prompt, 'from the same passages');
  t.match(again, {
    priority: 'batch',
    maxTokens: 9,
    stop: ['###'],
    adapter: { version: 2 },
    audience: first!.audience,
  });
  t.match(registry.answers[0]!.passages, [{ id: 'fees' }]);
  t.same(registry.answers[1]!.passages, registry.answers[0]!.passages);
  t.equal(response.json().receipt.pair, response.json().id);
  t.equal(await count('requests_total', {}), 1);
  t.equal(await count('tokens_total', { direction: 'completion' }), 2);
  t.equal(await count('answer_words_count', {}), 1);
  t.equal(registry.signals.length, 2, 'both are judged');
  const later = await app.inject(ask());
  t.equal(later.headers['x-ratelimit-remaining-requests'], '5998');
});

t.test('its texts are offered to be kept, for who consents, as those of its pair', async (t) => {
  const kept: [string, string | null | undefined, string | null][] = [];
  const captures = {
    capture: (record: { assignedBy: string; pair?: string | null }, _: unknown, user: string | null) =>
      void kept.push([record.assignedBy, record.pair, user]),
  } as unknown as NonNullable<TestServerOptions['captures']>;
  const { app, until } = await shadowed(t, { captures });
  const { id } = (await app.inject(ask())).json();
  await until('completed');
  t.same(kept, [
    ['weight', id, 'u'],
    ['shadow', id, 'u'],
  ]);
});

t.test('only a sample of stable is copied: nobody who chose, or was chosen, and no calls of functions', async (t) => {
  const { app, registry, count } = await shadowed(t);
  await app.inject(ask({ 'x-canary': 'never' }));
  const ofGroup = await app.inject(ask({}, HR_KEY));
  t.equal(ofGroup.headers['x-canary-arm'], 'canary');
  await app.inject(ask({}, KEY, { model: 'assistant@1' }));
  await app.inject(ask({}, KEY, { model: 'plain' }));
  const tools = [{ type: 'function', function: { name: 'look_up', parameters: { type: 'object' } } }];
  await app.inject(ask({}, KEY, { tools }));
  registry.deployments[0] = { ...registry.deployments[0]!, shadowWeight: 0 };
  await app.inject(ask());
  await sleep(20);
  t.same(
    registry.answers.map(({ assignedBy, pair }) => [assignedBy, pair]),
    [
      ['header', null],
      ['group', null],
      ['pin', null],
      ['weight', null],
      ['weight', null],
      ['weight', null],
    ],
  );
  t.equal(await count('shadow_answers_total', {}), 0);
});

t.test('where somebody waits, nothing is copied, and a copy that is under way ends', async (t) => {
  const { app, engine, registry, until } = await shadowed(t);
  const { status } = engine;
  let queued = () => 1;
  engine.status = () => ({ ...status(), queued: queued() });
  await app.inject(ask());
  await until('dropped');
  t.equal(engine.requests.length, 1);
  t.match(registry.answers, [{ pair: null }], 'it is compared as if there were no copies');

  queued = () => engine.requests.filter(({ priority }) => priority === 'batch').length;
  await app.inject(ask());
  await until('dropped', 2);
  t.equal(engine.active(), 0, 'its slot is free');
  t.same(
    registry.answers.map(({ assignedBy }) => assignedBy),
    ['weight', 'weight'],
  );
});

t.test('a canary that was taken back meanwhile answers nothing, and one that fails is on record', async (t) => {
  const { app, engine, registry, until } = await shadowed(t);
  const { getDeployment } = registry;
  let looks = 0;
  registry.getDeployment = async (...args) => {
    const deployment = await getDeployment(...args);
    return looks++ === 0 ? deployment : { ...deployment, canaryVersion: null };
  };
  await app.inject(ask());
  await until('dropped');
  registry.getDeployment = getDeployment;
  const generate = engine.generate;
  engine.generate = (request, signal) => {
    if (request.priority === 'batch') engine.ready = false;
    return generate(request, signal);
  };
  await app.inject(ask());
  await until('failed');
  t.match(registry.answers.at(-1), { assignedBy: 'shadow', outcome: 'engine_unavailable' });
});
