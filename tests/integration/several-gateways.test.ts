/** Three gateways over one PostgreSQL, each a process of its own, made by the commands of docs/guides/several-gateways.md. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { digestsOf } from '../../src/postgres/table-digests.js';
import { describe, rowsOf } from '../../src/registry/shared/rows.js';
import { Sqlite } from '../../src/sqlite/open.js';
import { registerBank } from '../fixtures/gateway/bank.js';
import { startPostgres } from '../fixtures/postgres/server.js';
import {
  type GatewayProcess,
  keepCalibration,
  removeDataDir,
  startByCommands,
  temporaryDataDir,
} from './gateway-process.js';
import { commandsOf } from './tour.js';

const PAGE = 'docs/guides/several-gateways.md';
const BASE = 'smollm2-135m-instruct';
const NAMES = ['a', 'b', 'c'];
const ENGINE = { SWITCHYARD_MODELS_BASE: BASE, SWITCHYARD_ENGINE_CONTEXT_TOKENS: '512' };
const retrieval = { enabled: false, topK: 3, minScore: 0, budgetTokens: 300 };

const root = mkdtempSync(join(tmpdir(), 'switchyard-several-'));
const postgres = await startPostgres();
const dataDirs = NAMES.map(temporaryDataDir);
const gateways: GatewayProcess[] = [];
t.teardown(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop('SIGKILL')));
  await postgres.close();
  for (const dataDir of [...dataDirs, root]) removeDataDir(dataDir);
});

/** What the page says, with the addresses and folders of this test. */
function here(command: string, dataDir: string): string {
  const urls = gateways.map(({ url }, i) => [`http://gateway-${NAMES[i]}:8080`, url] as const);
  const places = [
    ['db.example.com:5432', new URL(postgres.ownerUrl('postgres')).host],
    ['/var/lib/switchyard-alone', join(root, 'alone')],
    ['/var/lib/switchyard', dataDir],
    ['$PWD/', `${dataDir}/`],
    ['> registry-url', `> ${dataDir}/registry-url`],
    ['psql ', `${postgres.bin}/psql `],
    ['npx switchyard', `node '${resolve('dist/cli/main.js')}'`],
    ...urls,
  ] as const;
  return places.reduce((text, [written, meant]) => text.replaceAll(written, meant), command);
}

function bash(command: string, env: Record<string, string> = {}): Promise<string> {
  return new Promise((done, fail) => {
    const child = spawn('bash', ['-euo', 'pipefail', '-c', command], { env: { ...process.env, ...env } });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    child.on('close', (status) =>
      status === 0 ? done(output) : fail(new Error(`${command}\nended with ${status}\n${output}`)),
    );
  });
}

async function send(at: number, key: string, method: string, path: string, body?: object) {
  const response = await fetch(gateways[at]!.url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  return {
    status: response.status,
    headers: response.headers,
    json: (await response.json()) as Record<string, unknown>,
  };
}

t.test(
  'three gateways are one, as the guide says, and one that is killed costs nothing that was acknowledged',
  async (t) => {
    const keys = await registerBank(dataDirs[0]!, ['admin'], ['inference']);
    const [admin, inference] = keys as [string, string];
    const [create, environment, push, start, ...more] = commandsOf(PAGE, '## Set it up') as [
      string,
      string,
      string,
      string,
    ];
    t.same(more, [], 'each command is run');
    await bash(here(create, ''));
    t.match(
      await bash(here(`${environment}${push}`, dataDirs[0]!)),
      /adapters +2 [\s\S]*keys +2 [\s\S]*files of adapters +\d+ /,
    );
    const startOne = async (at: number) => {
      const dataDir = dataDirs[at]!;
      keepCalibration(dataDir, ENGINE);
      gateways[at] = await startByCommands(here(`${environment}${start}`, dataDir), dataDir, ENGINE);
    };
    await Promise.all(NAMES.map((_, at) => startOne(at)));

    const deployment = '/admin/tenants/bank/deployments/assistant';
    const untilAll = async (version: number, among: readonly number[]) => {
      for (const at of among) {
        while ((await send(at, admin, 'GET', deployment)).json.stableVersion !== version) await sleep(5);
      }
    };
    const [set] = commandsOf(PAGE, '## See that it is one');
    t.match(await bash(here(set!, ''), { SWITCHYARD_KEY: admin }), /assistant +support@2[\s\S]*assistant +support@2/);
    await untilAll(2, [0, 1, 2]);
    const promote = (at: number, version: number) =>
      send(at, admin, 'PUT', deployment, { adapter: 'support', stableVersion: version, instructions: '', retrieval });
    const ask = async (at: number) => {
      const messages = [{ role: 'user', content: 'What does a transfer cost?' }];
      const { status, headers } = await send(at, inference, 'POST', '/v1/chat/completions', {
        ...{ model: 'assistant', max_tokens: 2, messages },
      });
      return `${status} ${headers.get('x-adapter')}`;
    };
    t.equal(await ask(2), '200 support@2', 'whose files were never in its folder');

    const secrets: string[] = [];
    const write = async () => {
      for (;;) {
        const made = await send(1, admin, 'POST', '/admin/tenants/bank/keys', { label: 'k', scopes: ['inference'] });
        if (made.status === 201) secrets.push(made.json.secret as string);
      }
    };
    const writing = Promise.allSettled([write(), write()]);
    while (secrets.length < 10) await sleep(5);
    await gateways[1]!.stop('SIGKILL');
    await writing;
    t.equal((await promote(0, 1)).status, 200, 'nobody waits for it');
    await untilAll(1, [0, 2]);
    t.same([await ask(0), await ask(2)], ['200 support@1', '200 support@1']);
    await startOne(1);
    t.equal((await send(1, admin, 'GET', deployment)).json.stableVersion, 1, 'it begins with what happened meanwhile');
    t.equal(await ask(1), '200 support@1');
    for (const at of [0, 1, 2]) {
      const known = await Promise.all(secrets.map((secret) => send(at, secret, 'GET', '/v1/key')));
      t.same(new Set(known.map(({ status }) => status)), new Set([200]), `all ${secrets.length} keys are there`);
    }

    const [pull] = commandsOf(PAGE, '## Backup, and back to one gateway');
    const pulled = await bash(here(`${environment}${pull}`, dataDirs[0]!));
    t.match(pulled, /files of adapters +\d+ [\s\S]*registry +bank +\d+ +sound/);
    t.ok(existsSync(join(root, 'alone', 'registry.db')));
    while (new Set(await Promise.all(dataDirs.map(rowsIn))).size > 1) await sleep(50);
    t.pass('each has what the others have');

    t.equal((await promote(0, 2)).status, 200);
    await untilAll(2, [0, 1, 2]);
    while (readdirSync(join(dataDirs[1]!, 'adapters')).filter((name) => !name.includes('.')).length < 2)
      await sleep(20);
    await postgres.kill();
    const answers = [await ask(0), await ask(1), await ask(2)];
    t.same(new Set(answers), new Set(['200 support@2']), 'also where nobody ever asked for it, without the database');
    t.equal((await promote(0, 1)).status, 503);
    await postgres.start();
    for (const gateway of gateways) t.equal(await gateway.stop(), 0);
  },
);

async function rowsIn(dataDir: string): Promise<string> {
  const database = new Sqlite(join(dataDir, 'registry.db'), { readonly: true });
  const all = await digestsOf(rowsOf(database, describe(database).tables));
  database.close();
  return JSON.stringify(all);
}
