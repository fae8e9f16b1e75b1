/** One gateway, several engines: each deployment is answered by its own, and everything says which. */
import t, { type Test } from 'tap';
import { adminApp } from './admin-app.js';
import { readSamples, total } from './exposition.js';
import { BASE, bearer, createFakeEngine, createTestServer, METRICS_KEY } from './fakes.js';

/** The deployment `plain` names the engine `gpu`. */
async function open(t: Test, { engine = 'gpu', contextTokens = 100 } = {}) {
  const gpu = createFakeEngine({ contextTokens });
  gpu.answer(['From', ' afar']);
  const server = await createTestServer({ engines: { gpu } });
  t.teardown(() => server.app.close());
  const { deployments } = server.registry;
  const plain = deployments.findIndex(({ name }) => name === 'plain');
  deployments[plain] = { ...deployments[plain]!, engine };
  const post = (url: string, payload: object) => server.app.inject({ method: 'POST', url, headers: bearer(), payload });
  const ask = (model: string, more: object = {}) =>
    post('/v1/chat/completions', { model, messages: [{ role: 'user', content: 'Hi' }], ...more });
  return { ...server, gpu, post, ask };
}

t.test(
  'a deployment is answered by the engine that it names, all else by the default, and receipts say so',
  async (t) => {
    const { ask, app, engine, gpu } = await open(t);
    for (const [model, name, text] of [
      ['plain', 'gpu', 'From afar'],
      ['assistant', 'embedded', 'Hello world'],
      [BASE, 'embedded', 'Hello world'],
    ] as const) {
      const answer = (await ask(model, { include_receipt: true })).json();
      t.match(answer, { choices: [{ message: { content: text } }], receipt: { engine: name } }, model);
      const later = (await app.inject({ url: `/v1/receipts/${answer.id}`, headers: bearer() })).json();
      t.equal(later.engine, name, model);
    }
    t.equal(gpu.requests.length, 1);
    t.equal(engine.requests.length, 2);
  },
);

t.test('what an engine holds, and what waits for it, is no matter of another one', async (t) => {
  const { ask, post, gpu, tokenizer } = await open(t);
  const holds = async (model: string) => (await post('/v1/tokenize', { model, prompt: 'Hi' })).json().max_model_len;
  t.equal(await holds('plain'), 100);
  t.equal(await holds('assistant'), 512);
  tokenizer.leastTokens = () => 200;
  t.match((await ask('plain')).json(), { error: { code: 'context_length_exceeded', message: /100/ } });
  t.equal((await ask('assistant')).statusCode, 200);
  tokenizer.leastTokens = () => 1;
  gpu.full = true;
  t.match((await ask('plain')).json(), { error: { code: 'queue_full' } });
  t.equal((await ask('assistant')).statusCode, 200);
});

t.test(
  'one engine that is away degrades the gateway, and only its deployments wait; without any it is not ready',
  async (t) => {
    const { ask, app, engine, gpu } = await open(t);
    gpu.ready = false;
    const degraded = await app.inject('/readyz');
    t.equal(degraded.statusCode, 200);
    t.match(degraded.json(), {
      status: 'degraded',
      checks: {
        engine: {
          ready: false,
          reason: 'gpu: it is restarting',
          engines: { embedded: { ready: true }, gpu: { ready: false, reason: 'it is restarting' } },
        },
      },
    });
    t.match((await ask('plain')).json(), { error: { code: 'engine_unavailable' } });
    t.equal((await ask('assistant')).statusCode, 200);
    const { body } = await app.inject({ url: '/metrics', headers: bearer(METRICS_KEY) });
    const samples = readSamples(body);
    t.equal(total(samples, 'engine_up', { engine: 'gpu' }), 0);
    t.equal(total(samples, 'engine_up', { engine: 'embedded' }), 1);
    t.equal(total(samples, 'kv_slots', { engine: 'gpu' }), 8);
    t.match(body, 'switchyard_deployment_engine{tenant="bank",deployment="plain",engine="gpu"} 1');
    t.notMatch(body, 'deployment_engine{tenant="bank",deployment="assistant"');
    engine.ready = false;
    t.match((await app.inject('/readyz')).json(), { status: 'not_ready' });
  },
);

t.test('a deployment whose engine is not configured here is answered by no other', async (t) => {
  const { ask, engine, gpu } = await open(t, { engine: 'tpu' });
  const answer = await ask('plain');
  t.equal(answer.statusCode, 503);
  t.match(answer.json(), { error: { code: 'engine_unavailable', message: /none that is called "tpu"/ } });
  t.equal(engine.requests.length + gpu.requests.length, 0);
});

t.test('an engine is named by name, stays where nothing is said, and during a rollout', async (t) => {
  const { call, root } = await adminApp(t, { engines: ['embedded', 'gpu'] });
  for (const folder of ['one', 'two']) {
    t.equal(
      (await call('POST', '/tenants/bank/adapters', { name: 'support', folder: `${root}/${folder}` })).status,
      201,
    );
  }
  const retrieval = { enabled: false, topK: 3, minScore: 0, budgetTokens: 100 };
  const put = (more: object) =>
    call('PUT', '/tenants/bank/deployments/assistant', {
      ...{ adapter: 'support', stableVersion: 1, instructions: '', retrieval },
      ...more,
    });
  t.match(await put({ engine: 'cloud' }), {
    status: 400,
    body: { error: { param: 'engine', message: /must be one of embedded, gpu, or null, got "cloud"/ } },
  });
  t.match(await put({}), { status: 200, body: { engine: null } });
  t.match(await put({ engine: 'gpu' }), { body: { engine: 'gpu', revision: 2 } });
  t.match(await put({ instructions: 'Be brief.' }), { body: { engine: 'gpu', revision: 3 } });
  t.match(await call('GET', '/tenants/bank/deployments'), { body: { data: [{ engine: 'gpu' }] } });
  const plan = { version: 2, steps: [50, 100], leastAnswers: 50 };
  t.match(await call('POST', '/tenants/bank/deployments/assistant/rollout', plan), { status: 200 });
  t.match(await put({ engine: null, instructions: 'Be brief.' }), {
    status: 409,
    body: { error: { code: 'rollout_under_way' } },
  });
  t.match(await put({ engine: 'gpu', instructions: 'Be briefer.' }), { status: 200 }, 'it has that engine');
  t.match(await call('POST', '/tenants/bank/deployments/assistant/rollback'), { status: 200 });
  t.match(await put({ engine: null }), { body: { engine: null } });
  const { body } = await call('GET', '/tenants/bank/audit?limit=50');
  const changes = body.data.filter(({ action }: { action: string }) => action === 'deployment.changed');
  t.match(changes, [{ before: { engine: 'gpu' }, after: { engine: null } }], 'the newest first');
});
