import { cpSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, startServer } from '../../bench/peers/processes.js';
import { installDebian } from '../../tests/deploy/tools.js';
import { registerBank } from '../../tests/fixtures/gateway/bank.js';
import { type PostgresServer, startPostgres } from '../../tests/fixtures/postgres/server.js';
import { runChild } from '../../tests/integration/child.js';
import {
  type GatewayProcess,
  NO_ENGINE,
  removeDataDir,
  startByCommands,
  startGateway,
  temporaryDataDir,
} from '../../tests/integration/gateway-process.js';
import { commandsOf } from '../../tests/integration/tour.js';
import { within } from './within.js';

const PAGE = 'docs/guides/three-gateways.md';
const NAMES = ['a', 'b', 'c'];
const HANDBOOK = ['personal-loans.md', 'mortgage-overpayments.md', 'everyday-fees.md'];
const BALANCER_MS = 60_000;
const BACK_MS = 120_000;
const POLL_MS = 200;
/** Two looks of the balancer, and what a busy machine makes of them. */
const NOTICE_MS = 5000;
/** Questions while something is away. */
const ASKED = 8;

/** What a reader should see of each command, in the order of the page; null: it stays, and is looked at by those that follow. */
const EXPECTED: readonly (readonly [part: string, ...outputs: readonly (RegExp | null)[]])[] = [
  ['## Databases', /CREATE ROLE[\s\S]*CREATE DATABASE/],
  [
    '## The first gateway',
    /adapters +2 [\s\S]*files of adapters +\d+ [\s\S]*passages +[1-9]/,
    null,
    /0 added, 0 replaced, 0 removed, .*3 unchanged/,
  ],
  ['## The second and the third', /^$/, /("status":\s*"ready"[\s\S]* up [\s\S]*){3}/],
  ['## One address', null],
  [
    '## See that they are one',
    /(HTTP\/1.1 200[\s\S]*x-adapter: support@2[\s\S]*filepath[\s\S]*){6}/,
    /(sw-[0-9a-f]{64}\n)+([\s\S]*outcome="completed"\} [1-9]\d*\n){3}/,
    / 200\n[\s\S]* 429\n/,
  ],
];
/** Of the limit that the page sets. */
const MOST_A_MINUTE = 60;

/** The way from one machine to three gateways, by the commands of its page, before a vLLM that runs; then what may fail fails. */
export async function runThreeGateways(
  vllm: string,
  patience: Record<string, string>,
  say: (line: string) => void,
): Promise<void> {
  installDebian({ haproxy: 'haproxy' });
  const root = mkdtempSync(join(tmpdir(), 'switchyard-three-'));
  const dataDirs = NAMES.map(temporaryDataDir);
  const postgres = await startPostgres();
  const gateways: GatewayProcess[] = [];
  const balancer = `127.0.0.1:${await freePort()}`;
  let stopBalancer = async () => {};

  /** What the page says to do at one of the gateways, with the addresses and folders of this machine. */
  const here = (command: string, at: number): string => {
    const inRoot = [
      '> registry-url',
      '> database-url',
      '> haproxy.cfg',
      '-f haproxy.cfg',
      'sync handbook',
      '-o answer.json',
    ];
    const places = [
      ['db.example.com:5432', new URL(postgres.ownerUrl('postgres')).host],
      ['vllm-1:8000', new URL(vllm).host],
      ['/var/lib/switchyard', dataDirs[at]!],
      ['/mnt/adapters', join(root, 'adapters')],
      ['$PWD/', `${root}/`],
      ['psql ', `${postgres.bin}/psql `],
      ['npx switchyard', `node '${resolve('dist/cli/main.js')}'`],
      ['GATEWAY_BIND=:8080', `GATEWAY_BIND=${balancer}`],
      ['balancer:8080', balancer],
      ['gateway-$GATEWAY:8080', '$(printenv $GATEWAY)'],
      ...inRoot.map((named) => [named, named.replace(' ', ` ${root}/`)] as const),
      ...gateways.map(({ url }, i) => [`gateway-${NAMES[i]}:8080`, new URL(url).host] as const),
    ] as const;
    return places.reduce((text, [written, meant]) => text.replaceAll(written, () => meant), command);
  };
  const runOne = async (key: string, command: string, expected: RegExp, at = 0): Promise<string> => {
    const hosts = gateways.map(({ url }, i) => [NAMES[i]!, new URL(url).host]);
    const env = { ...process.env, SWITCHYARD_KEY: key, ...Object.fromEntries(hosts) };
    const output = await runChild('bash', ['-euo', 'pipefail', '-c', `{ ${here(command, at)}\n} 2>&1`], { env });
    if (!expected.test(output)) throw new Error(`${command}\nwrote what the page does not say:\n${output}`);
    say(output === '' ? command.trim() : output.trim());
    return output;
  };
  const startOne = async (settings: string, at: number): Promise<void> => {
    const own = settings.replaceAll('/mnt/adapters/gateway-a', `/mnt/adapters/gateway-${NAMES[at]}`);
    // Back at its address, where it had one.
    const port = gateways[at] === undefined ? '0' : new URL(gateways[at].url).port;
    gateways[at] = await startByCommands(here(own, at), dataDirs[at]!, { ...patience, PORT: port });
    say(`gateway-${NAMES[at]} is ${gateways[at].url}`);
  };

  try {
    mkdirSync(join(root, 'adapters'));
    for (const name of HANDBOOK) cpSync(resolve('indexes/northwind-bank', name), join(root, 'handbook', name));
    const [key] = (await registerBank(dataDirs[0]!, ['admin', 'inference', 'documents', 'metrics'])) as [string];
    const alone = await startGateway(dataDirs[0]!, { ...NO_ENGINE, SWITCHYARD_DEMO: 'false' });
    gateways.push(alone);
    await runOne(key, 'npx switchyard --url http://gateway-a:8080 documents sync handbook', /3 added/);
    await alone.stop();
    gateways.pop();
    const [databases, first, others, balance, see] = EXPECTED.map(([part, ...outputs]): Part => {
      const commands = commandsOf(PAGE, part);
      if (commands.length !== outputs.length) throw new Error(`${part} of ${PAGE} has ${commands.length} commands`);
      return { commands: commands as [string, ...string[]], outputs: outputs as [RegExp, ...RegExp[]] };
    }) as [Part, Part, Part, Part, Part];
    const run = ({ commands, outputs }: Part, which: number, at = 0) =>
      runOne(key, commands[which]!.replaceAll('gateway-b ', `gateway-${NAMES[at]} `), outputs[which]!, at);

    await run(databases, 0);
    await run(first, 0);
    const [, settings] = first.commands;
    await startOne(settings!, 0);
    await run(first, 2);
    for (const at of [1, 2]) {
      await run(others, 0, at);
      await startOne(settings!, at);
    }
    await run(others, 1, 1);
    const program = {
      command: 'bash',
      args: ['-euc', here(balance.commands[0], 0)],
      logFile: join(root, 'haproxy.log'),
    };
    ({ stop: stopBalancer } = await startServer(program, `http://${balancer}/readyz`, BALANCER_MS));
    await run(see, 0);
    await run(see, 1);
    const answered = Number(/(\d+) 200/.exec(await run(see, 2))![1]);
    if (answered > MOST_A_MINUTE) throw new Error(`${answered} requests were answered within a minute`);
    await failAndReturn({ balancer, key, gateways, postgres, say, restart: (at) => startOne(settings!, at) });
    say(`${PAGE} ran as written`);
  } finally {
    await stopBalancer();
    await Promise.all(gateways.map((gateway) => gateway.stop('SIGKILL')));
    await postgres.close();
    for (const folder of [...dataDirs, root]) removeDataDir(folder);
  }
}

interface Part {
  readonly commands: readonly [string, ...string[]];
  readonly outputs: readonly [RegExp, ...RegExp[]];
}

interface Failing {
  readonly balancer: string;
  readonly key: string;
  readonly gateways: readonly GatewayProcess[];
  readonly postgres: PostgresServer;
  readonly say: (line: string) => void;
  restart(at: number): Promise<void>;
}

/** A gateway dies, and PostgreSQL: whoever asks the balancer is answered all the same. */
async function failAndReturn({ balancer, key, gateways, postgres, say, restart }: Failing): Promise<void> {
  const send = async (url: string, method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const response = await fetch(url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    return { status: response.status, adapter: response.headers.get('x-adapter'), text: await response.text() };
  };
  const ask = (withDocuments = false) => {
    const messages = [{ role: 'user', content: 'What does a transfer cost?' }];
    const body = { model: 'assistant', max_tokens: 4, messages, retrieval: { enabled: withDocuments } };
    return send(`http://${balancer}`, 'POST', '/v1/chat/completions', body);
  };
  const deployment = '/admin/tenants/bank/deployments/assistant';
  const promote = (at: number, stableVersion: number) => {
    const retrieval = { enabled: false, topK: 3, minScore: 0, budgetTokens: 300 };
    const body = { adapter: 'support', stableVersion, instructions: '', retrieval };
    return send(gateways[at]!.url, 'PUT', deployment, body);
  };
  const expect = (what: string, { status, text }: Awaited<ReturnType<typeof send>>, wanted: number, says = '') => {
    if (status !== wanted || !text.includes(says)) throw new Error(`${what}: ${status} ${text}`);
  };

  await gateways[1]!.stop('SIGKILL');
  for (let i = 0; i < ASKED; i++) expect('a gateway is dead', await ask(), 200);
  expect('a gateway is dead', await promote(0, 1), 200);
  await restart(1);
  expect('it is back', await send(gateways[1]!.url, 'GET', deployment), 200, '"stableVersion":1');
  say(`a gateway was dead: ${ASKED} of ${ASKED} were answered`);

  await postgres.kill();
  // Until the balancer knows that none is ready.
  await sleep(NOTICE_MS);
  for (let i = 0; i < ASKED; i++) expect('PostgreSQL is dead', await ask(), 200);
  expect('PostgreSQL is dead', await ask(true), 503, 'storage_unavailable');
  expect('PostgreSQL is dead', await promote(2, 2), 503, 'registry_unavailable');
  await postgres.start();
  await within(BACK_MS, 'a change', async () => {
    while ((await promote(2, 2)).status !== 200) await sleep(POLL_MS);
  });
  for (const at of [0, 1, 2]) {
    await within(BACK_MS, `version 2 at gateway ${at}`, async () => {
      while (!(await send(gateways[at]!.url, 'GET', deployment)).text.includes('"stableVersion":2'))
        await sleep(POLL_MS);
    });
  }
  say(`PostgreSQL was dead: ${ASKED} of ${ASKED} were answered, and all agree`);
}
