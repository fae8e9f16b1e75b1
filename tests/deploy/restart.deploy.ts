/** What callers notice of restarts and deaths: of two gateways behind a real haproxy, and of every process of one. */
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { freePort } from '../../bench/peers/processes.js';
import { CallError, type Client, createClient } from '../../bench/soak/client.js';
import { inflict } from '../../bench/soak/faults.js';
import { withSoakGateway } from '../../bench/soak/gateway.js';
import { createUsers } from '../../bench/soak/users.js';
import { ERRORS, type ErrorCode } from '../../src/errors/table.js';
import { openGatewayRegistry } from '../fixtures/gateway/registry.js';
import { type GatewayProcess, removeDataDir, startGateway, temporaryDataDir } from '../integration/gateway-process.js';
import { installDebian, start, until } from './tools.js';

const KEY = 'sk-restart-0123456789abcdef';
const CALLERS = 6;
const BASE = 'smollm2-135m-instruct';

/** Asks until it is over. @returns how many answers came whole, and what went wrong */
function load(client: Client) {
  const errors: string[] = [];
  let [answers, isOver] = [0, false];
  const callers = Array.from({ length: CALLERS }, async (_, caller) => {
    for (let n = 0; !isOver; n++) {
      const content = `What is ${caller} and ${n}?`;
      const messages = [{ role: 'user', content }] as const;
      try {
        await client.chat({ model: 'assistant', messages, max_tokens: 24, stream: n % 2 === 0 });
        answers++;
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
        errors.push(error.code);
        await sleep(100);
      }
    }
  });
  return async () => {
    isOver = true;
    await Promise.all(callers);
    return { answers, errors };
  };
}

interface Side {
  readonly dataDir: string;
  readonly port: string;
  gateway: GatewayProcess;
}

async function side(t: Test): Promise<Side> {
  const dataDir = temporaryDataDir();
  const registry = await openGatewayRegistry({ dataDir, base: BASE, maxRank: 16 });
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  await registry.createKey({ tenant: 'bank', label: 'load', scopes: ['inference'], secret: KEY });
  const retrieval = { enabled: false, topK: 1, minScore: 0, budgetTokens: 100 };
  const deployment = { tenant: 'bank', name: 'assistant', adapter: null, stableVersion: null, instructions: '' };
  await registry.putDeployment({ ...deployment, retrieval });
  await registry.close();
  const port = String(await freePort());
  const one = { dataDir, port, gateway: await startOn(dataDir, port) };
  t.teardown(async () => {
    await one.gateway.stop();
    removeDataDir(dataDir);
  });
  return one;
}

const startOn = (dataDir: string, port: string) =>
  startGateway(dataDir, { SWITCHYARD_DEMO: 'false', PORT: port, SWITCHYARD_ENGINE_CONTEXT_TOKENS: '512' });

t.test('two gateways behind haproxy', async (t) => {
  installDebian({ haproxy: 'haproxy' });
  const [a, b] = [await side(t), await side(t)];
  const bind = `127.0.0.1:${await freePort()}`;
  const addresses = { GATEWAY_BIND: bind, GATEWAY_A: `127.0.0.1:${a.port}`, GATEWAY_B: `127.0.0.1:${b.port}` };
  const haproxy = start('haproxy', ['-f', 'deploy/haproxy/haproxy.cfg'], { env: { ...process.env, ...addresses } });
  t.teardown(() => haproxy.stop());
  const url = `http://${bind}`;
  await until('haproxy answers', 20_000, async () => ((await fetch(`${url}/readyz`)).ok ? true : null));
  const client = createClient(url, KEY);

  await t.test('are restarted one after the other under load, and no request is lost', async (t) => {
    const end = load(client);
    await sleep(3000);
    for (const one of [a, b]) {
      t.equal(await one.gateway.stop(), 0, 'it drains');
      one.gateway = await startOn(one.dataDir, one.port);
      // Until haproxy sends it something again: two looks, which take their time on a busy machine.
      await sleep(8000);
    }
    const { answers, errors } = await end();
    t.same(errors, []);
    t.ok(answers > 20, `${answers} answers`);
  });

  await t.test('one that is killed costs what it had under way, and nothing else', async (t) => {
    const end = load(client);
    await sleep(3000);
    await a.gateway.stop('SIGKILL');
    await sleep(3000);
    const { answers, errors } = await end();
    t.ok(answers > 10, `${answers} answers`);
    t.ok(errors.length <= CALLERS, `${errors}`);
    for (const error of errors)
      t.match(error, /^(broken stream|connection: |status 50[234])/, 'what a client asks again for');
  });
});

t.test('every child process is killed in turn under load: errors that say so and may be retried, and no others', (t) =>
  withSoakGateway(async (gateway) => {
    const errors: string[] = [];
    let [calls, isOver] = [0, false];
    const using = createUsers(gateway.url, gateway.tenants).map(async ({ act, pauseMs }) => {
      while (!isOver) {
        calls++;
        await act().catch((error) => {
          if (!(error instanceof CallError)) throw error;
          errors.push(error.code);
        });
        await sleep(pauseMs);
      }
    });
    for (const kind of ['engine', 'retrieval', 'tokenizer', 'parser'] as const) {
      await inflict(kind, gateway);
      await sleep(2000);
    }
    isOver = true;
    await Promise.all(using);
    t.ok(calls > 20, `${calls} calls`);
    t.same(
      errors.filter((error) => !ERRORS[error as ErrorCode]?.retryable),
      [],
    );
  }),
);
