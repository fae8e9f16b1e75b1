import t from 'tap';
import { plan } from '../fixtures/experiments.js';
import { BASE, bearer, createTestServer, KEY, KEY_WITHOUT_ROUTE, METRICS_KEY, OTHER_KEY, passage } from './fakes.js';

const ask = (model: string, headers: Record<string, string> = {}, key = KEY) => ({
  method: 'POST' as const,
  url: '/v1/chat/completions',
  headers: { ...bearer(key), ...headers },
  payload: { model, messages: [{ role: 'user', content: 'Hi' }] },
});

t.test('a model name and the headers decide which version answers', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const cases: [string, Record<string, string>, string, string, string | undefined][] = [
    ['assistant', {}, 'stable', 'assistant@1', 'support@1'],
    ['assistant', { 'x-canary': 'always' }, 'canary', 'assistant@2', 'support@2'],
    ['assistant', { 'x-canary': 'never' }, 'stable', 'assistant@1', 'support@1'],
    ['assistant', { 'x-adapter-version': '2' }, 'pinned', 'assistant@2', 'support@2'],
    ['assistant@2', {}, 'pinned', 'assistant@2', 'support@2'],
    ['assistant@2', { 'x-adapter-version': '1' }, 'pinned', 'assistant@1', 'support@1'],
    ['plain', {}, 'stable', 'plain', undefined],
    [BASE, {}, 'base', BASE, undefined],
    [BASE, { 'x-canary': 'never' }, 'base', BASE, undefined],
  ];
  for (const [model, headers, arm, answered, adapter] of cases) {
    const response = await app.inject(ask(model, headers));
    const name = `${model} ${JSON.stringify(headers)}`;
    t.equal(response.statusCode, 200, name);
    t.equal(response.json().model, answered, name);
    t.equal(response.headers['x-canary-arm'], arm, name);
    t.equal(response.headers['x-adapter'], adapter, name);
  }
});

t.test('a record tells which version answered and whether that was the weight, a header or a pin', async (t) => {
  const { app, registry } = await createTestServer();
  t.teardown(() => app.close());
  await app.inject(ask('assistant'));
  await app.inject(ask('assistant', { 'x-canary': 'always' }));
  await app.inject(ask('assistant', { 'x-canary': 'always', 'x-adapter-version': '1' }));
  await app.inject(ask('assistant@2'));
  await app.inject(ask(BASE));
  t.match(registry.answers, [
    { version: 1, assignedBy: 'weight', deploymentRevision: 1 },
    { version: 2, assignedBy: 'header', deploymentRevision: 1 },
    { version: 1, assignedBy: 'pin', deploymentRevision: 1 },
    { version: 2, assignedBy: 'pin', deploymentRevision: 1 },
    { version: null, assignedBy: 'weight', deploymentRevision: null },
  ]);
});

t.test('what does not exist for the tenant is not found, whoever else has it', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const cases: [string, Record<string, string>, string][] = [
    ['nothing', {}, KEY],
    ['assistant@9', {}, KEY],
    ['assistant@0', {}, KEY],
    ['assistant@', {}, KEY],
    ['@1', {}, KEY],
    ['assistant', { 'x-adapter-version': '9' }, KEY],
    ['plain', { 'x-adapter-version': '1' }, KEY],
    ['assistant', {}, OTHER_KEY],
    ['assistant@1', {}, OTHER_KEY],
  ];
  for (const [model, headers, key] of cases) {
    const response = await app.inject(ask(model, headers, key));
    t.equal(response.statusCode, 404, model);
    t.equal(response.json().error.code, 'model_not_found', model);
  }
});

t.test('only keys with the scope may route by header; every key may name a version', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const choices: Record<string, string>[] = [
    { 'x-canary': 'always' },
    { 'x-canary': 'never' },
    { 'x-adapter-version': '1' },
  ];
  for (const headers of choices) {
    const response = await app.inject(ask('assistant', headers, KEY_WITHOUT_ROUTE));
    t.equal(response.statusCode, 403);
    t.match(response.json().error, { code: 'scope_missing', message: /route/ });
  }
  t.equal((await app.inject(ask('assistant@2', {}, KEY_WITHOUT_ROUTE))).headers['x-adapter'], 'support@2');
});

t.test('the base model has no versions to route to', async (t) => {
  const { app } = await createTestServer();
  t.teardown(() => app.close());
  const choices: Record<string, string>[] = [{ 'x-canary': 'always' }, { 'x-adapter-version': '1' }];
  for (const headers of choices) {
    const response = await app.inject(ask(BASE, headers));
    t.equal(response.statusCode, 400);
    t.match(response.json().error, { code: 'invalid_value', param: 'model' });
  }
});

t.test('a user and a conversation stay on their arm, and all arms answer under a weight', async (t) => {
  const { app, registry } = await createTestServer();
  t.teardown(() => app.close());
  registry.deployments[0] = { ...registry.deployments[0]!, canaryWeight: 50 };
  const armOf = async (payload: object, headers = {}) => {
    const request = ask('assistant', headers);
    const response = await app.inject({ ...request, payload: { ...request.payload, ...payload } });
    return response.headers['x-canary-arm'];
  };
  const arms = new Set<unknown>();
  for (let user = 0; user < 12; user++) {
    const arm = await armOf({ user: `user-${user}` });
    const other = [{ role: 'user', content: 'Something else' }];
    t.equal(await armOf({ user: `user-${user}`, messages: other }), arm, `user ${user} does not flip`);
    arms.add(arm);
    const conversation = await armOf({ metadata: { conversation_id: `c-${user}` } });
    t.equal(await armOf({ metadata: { conversation_id: `c-${user}` }, messages: other }), conversation);
    t.equal(await armOf({ messages: other }, { 'x-conversation-id': `c-${user}` }), conversation);
  }
  t.same([...arms].sort(), ['canary', 'stable']);
});

t.test('the next request sees a promotion; the answer that is under way keeps its version', async (t) => {
  const { app, engine, registry } = await createTestServer();
  t.teardown(() => app.close());
  let resume = () => {};
  let reached = () => {};
  const underWay = new Promise<void>((resolve) => (reached = resolve));
  const paused = new Promise<void>((resolve) => (resume = resolve));
  engine.answer([
    'one',
    {
      get wait() {
        reached();
        return paused;
      },
    },
    ' two',
  ]);
  const first = app.inject(ask('assistant')).then((response) => response);
  await underWay;
  registry.deployments[0] = { ...registry.deployments[0]!, stableVersion: 2, canaryVersion: null };
  engine.answer(['three']);
  t.equal((await app.inject(ask('assistant'))).json().model, 'assistant@2');
  resume();
  t.equal((await first).json().model, 'assistant@1');
});

t.test('in an experiment each arm answers as it is, and record, receipt, header and metrics name it', async (t) => {
  const { app, engine, registry, retrieval } = await createTestServer();
  t.teardown(() => app.close());
  retrieval.passages.set('bank', [passage('one', 'The fee is £5.', 0.9), passage('two', 'It is monthly.', 0.8)]);
  const policy = { name: 'strict', revision: 2 };
  const rules = { input: [], passages: [], output: [] };
  registry.policies.push({ tenant: 'bank', ...policy, rules, createdAt: 0 });
  const arms = [
    { name: 'as-is', weight: 50 },
    { name: 'brief', weight: 50, version: 2, instructions: 'One sentence.', retrieval: { topK: 1 }, policy },
  ];
  const [deployment] = registry.deployments;
  registry.deployments[0] = { ...deployment!, canaryVersion: null, experiment: { ...plan({ arms }), startedAt: 5 } };
  const told = new Map<string, { adapter: unknown; prompt: string; id: string }>();
  for (let n = 0; n < 20; n++) {
    const response = await app.inject(ask('assistant', { 'x-conversation-id': `c${n}` }));
    const [arm, adapter] = ['x-canary-arm', 'x-adapter'].map((name) => String(response.headers[name]));
    told.set(arm!, { adapter, prompt: JSON.stringify(engine.requests.at(-1)!.prompt), id: response.json().id });
  }
  t.same([...told.keys()].sort(), ['as-is', 'brief']);
  const { 'as-is': asIs, brief } = Object.fromEntries(told);
  t.match(asIs, { adapter: 'support@1', prompt: /You help\..*£5.*monthly/ });
  t.match(brief, { adapter: 'support@2', prompt: /One sentence\..*£5/ });
  t.notMatch(brief!.prompt, /monthly|You help/);
  const receipt = await app.inject({ url: `/v1/receipts/${brief!.id}`, headers: bearer(KEY) });
  t.match(receipt.json(), { arm: 'brief', assigned_by: 'experiment', adapter: 'support@2', deployment_revision: 1 });
  t.match(receipt.json().safety, { policy: 'strict@2' });
  t.equal(registry.answers.find(({ id }) => id === asIs!.id)!.safety, null);
  t.not(receipt.json().prompt_digest, registry.answers.find(({ id }) => id === asIs!.id)!.promptDigest);
  const metrics = await app.inject({ url: '/metrics', headers: bearer(METRICS_KEY) });
  t.match(metrics.body, /requests_total\{[^}]*adapter="support@2",arm="brief"/);

  const never = await app.inject(ask('assistant', { 'x-canary': 'never' }));
  t.equal(never.headers['x-canary-arm'], 'stable');
  t.match(registry.answers.at(-1), { arm: 'stable', assignedBy: 'header' }, 'and is no part of it');
  t.equal((await app.inject(ask('assistant@2'))).headers['x-canary-arm'], 'pinned');
});
