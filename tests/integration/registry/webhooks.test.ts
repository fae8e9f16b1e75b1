import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { createMetrics } from '../../../src/metrics/metrics.js';
import { createWebhookDelivery, webhookOutbound } from '../../../src/webhooks/deliver.js';
import { openTestRegistry, retrieval } from './open.js';

const HOST = 'ci.example.com';
const clock = { now: Date.now, monotonicMs: () => performance.now() };
const settings = { allowedHosts: HOST, privateAddresses: true, timeoutMs: 2000, maxAttempts: 3 };

interface Told {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A registry whose changes are told to a server, which answers as it is said. */
async function setUp(t: Test, answer: (response: ServerResponse, nth: number) => void = (response) => response.end()) {
  const told: Told[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    told.push({ headers: request.headers, body });
    answer(response, told.length);
    for (const { count, resolve } of waiting) if (told.length >= count) resolve();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const root = t.testdir({ a: { weights: '1' }, b: { weights: '2' }, data: {} });
  const data = join(root, 'data');
  let wake = () => {};
  const { checkUrl } = webhookOutbound(settings);
  const registry = await openTestRegistry(data, { clock, checkWebhookUrl: checkUrl, onWebhookJob: () => wake() });
  const metrics = createMetrics({ maxLabelValues: 9 }, clock);
  const givenUp: string[] = [];
  const deliver = (over: Partial<typeof settings> = {}) => {
    const delivery = createWebhookDelivery({
      settings: { ...settings, ...over },
      ...{ registry, metrics, clock },
      resolve: async () => [{ address: '127.0.0.1', family: 4 }],
      onError: (_, what) => givenUp.push(what),
    });
    wake = delivery.wake;
    delivery.start();
    return delivery;
  };
  t.teardown(async () => {
    server.closeAllConnections();
    server.close();
    await registry.close();
  });
  for (const id of ['bank', 'shop']) await registry.createTenant({ id, name: id });
  for (const folder of ['a', 'b'])
    await registry.addAdapter({ tenant: 'bank', name: 'support', folder: join(root, folder) });
  const put = { tenant: 'bank', name: 'assistant', adapter: 'support', instructions: '', retrieval, stableVersion: 1 };
  await registry.putDeployment(put);
  const url = `http://${HOST}:${(server.address() as AddressInfo).port}/hook`;
  /** Resolves when so much was told. */
  const until = (count: number) =>
    new Promise<void>((resolve) => (told.length >= count ? resolve() : waiting.push({ count, resolve })));
  return { registry, deliver, told, until, url, metrics, givenUp };
}

/** As a receiver checks it who follows Standard Webhooks. */
function isSigned({ headers, body }: Told, secret: string): boolean {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const text = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const wanted = `v1,${createHmac('sha256', key).update(text).digest('base64')}`;
  return String(headers['webhook-signature']).split(' ').includes(wanted);
}

t.test(
  'what is done to a rollout is told as a signed CloudEvent, to the webhooks of its tenant that want to know',
  async (t) => {
    const { registry, deliver, told, until, url } = await setUp(t);
    const hook = await registry.addWebhook({ tenant: 'bank', url, events: ['canary_set', 'promoted'] });
    await registry.addWebhook({ tenant: 'shop', url, events: [] });
    const delivery = deliver();
    t.teardown(() => delivery.close());
    await registry.setCanary('bank', 'assistant', { version: 2, weight: 5 }, { actor: 'key_1', reason: 'try it' });
    await until(1);
    await registry.setCanary('bank', 'assistant', { version: 2, weight: 5 });
    await registry.rollback('bank', 'assistant');
    await registry.setVersionStatus('bank', 'support', 2, 'approved');
    await registry.setCanary('bank', 'assistant', { version: 2, weight: 6 });
    await registry.promote('bank', 'assistant');
    await until(3);
    t.equal(told.length, 3, 'nothing for what changed nothing, for another event, or to another tenant');
    const events = told.map(({ body }) => JSON.parse(body));
    t.match(events[0], {
      specversion: '1.0',
      id: '2',
      source: '/tenants/bank/deployments/assistant',
      type: 'switchyard.rollout.canary_set',
      subject: 'support@2',
      time: /^\d{4}-.*Z$/,
      data: {
        tenant: 'bank',
        deployment: 'assistant',
        revision: 2,
        actor: 'key_1',
        reason: 'try it',
        served: { canaryWeight: 5 },
      },
    });
    t.match(events[2], { type: 'switchyard.rollout.promoted', data: { served: { stableVersion: 2 } } });
    t.match(told[0]!.headers, {
      'content-type': /^application\/cloudevents\+json/,
      'webhook-id': `${hook.id}.assistant.2`,
      'webhook-timestamp': /^\d{10}$/,
    });
    t.ok(told.every((one) => isSigned(one, hook.secret)));
    t.notOk(isSigned({ ...told[0]!, body: `${told[0]!.body} ` }, hook.secret));
  },
);

t.test('it is told again until it is heard, also after a restart, and given up in the end', async (t) => {
  const { registry, deliver, told, until, url, metrics, givenUp } = await setUp(t, (response, nth) => {
    if (nth === 1) response.writeHead(302, { location: 'http://127.0.0.1/' });
    if (nth > 2) response.writeHead(500);
    response.end();
  });
  const { id } = await registry.addWebhook({ tenant: 'bank', url, events: [] });
  await registry.setCanary('bank', 'assistant', { version: 2, weight: 5 });
  t.equal(told.length, 0);
  const first = deliver();
  const lastError = async () => (await registry.listWebhooks('bank'))[0]!.lastError;
  for (let left = 200; (await lastError()) === null && left > 0; left--) await sleep(10);
  await first.close();
  t.match(await lastError(), /redirect, which is not followed/);
  const second = deliver();
  t.teardown(() => second.close());
  await until(2);
  t.equal(told[1]!.headers['webhook-id'], told[0]!.headers['webhook-id']);
  await registry.rollback('bank', 'assistant');
  await until(5);
  for (let left = 200; givenUp.length === 0 && left > 0; left--) await sleep(10);
  t.match(givenUp, [`webhook ${id}/assistant/3`]);
  t.match(await registry.listWebhooks('bank'), [{ lastError: 'it answered 500' }]);
  const text = await metrics.render();
  t.match(text, 'switchyard_webhook_deliveries_total{outcome="delivered"} 1');
  t.match(text, 'switchyard_webhook_deliveries_total{outcome="failed"} 4');
  t.match(text, 'switchyard_webhook_deliveries_total{outcome="given_up"} 1');
});

t.test('a private address is not told anything, and one that is not named is not taken', async (t) => {
  const { registry, deliver, told, url, givenUp } = await setUp(t);
  const wrong = { code: 'invalid_value', params: { param: 'url' } };
  for (const other of ['no address', 'https://evil.example.com/', `https://user:pass@${HOST}/`]) {
    await t.rejects(registry.addWebhook({ tenant: 'bank', url: other, events: [] }), wrong, other);
  }
  await registry.addWebhook({ tenant: 'bank', url, events: [] });
  await registry.setCanary('bank', 'assistant', { version: 2, weight: 5 });
  const delivery = deliver({ privateAddresses: false, maxAttempts: 1 });
  t.teardown(() => delivery.close());
  for (let left = 200; givenUp.length === 0 && left > 0; left--) await sleep(10);
  t.equal(told.length, 0);
  t.match(await registry.listWebhooks('bank'), [{ lastError: 'its host has a private address' }]);
});

t.test('a secret is shown when it is made; the one before signs beside it for a day', async (t) => {
  const { registry, deliver, told, until, url } = await setUp(t);
  const first = await registry.addWebhook({ tenant: 'bank', url, events: [] });
  t.match(first.secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
  const second = await registry.rotateWebhook('bank', first.id);
  const delivery = deliver();
  t.teardown(() => delivery.close());
  await registry.setCanary('bank', 'assistant', { version: 2, weight: 5 });
  await until(1);
  t.ok(isSigned(told[0]!, first.secret) && isSigned(told[0]!, second.secret));
  const lines = JSON.stringify([
    await registry.listWebhooks('bank'),
    await registry.listAudit('bank', { limit: 50, before: null }),
  ]);
  t.match(lines, /webhook\.added.*|webhook\.rotated/);
  for (const { secret } of [first, second]) t.notOk(lines.includes(secret), 'and nowhere else');
  await t.rejects(registry.rotateWebhook('shop', first.id), { code: 'not_found' });
  await t.rejects(registry.removeWebhook('shop', first.id), { code: 'not_found' });
  await registry.removeWebhook('bank', first.id);
  t.same(await registry.listWebhooks('bank'), []);
  for (let n = 0; n < 10; n++) await registry.addWebhook({ tenant: 'bank', url, events: [] });
  await t.rejects(registry.addWebhook({ tenant: 'bank', url, events: [] }), {
    message: /10 webhooks, which is the most/,
  });
});
