/**
 * A real Prometheus scrapes a real gateway with the files of deploy/ and answers every query of every dashboard; when
 * the gateway is gone, Alertmanager tells a webhook. Only addresses and waits are changed.
 */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { dashboards } from '../../scripts/monitoring/dashboards.js';
import type { Deployment } from '../../src/contracts/registry.js';
import { fillVariables } from '../contract/promql.js';
import { dataPolicy } from '../fixtures/data-policy.js';
import { removeDataDir, startGateway, temporaryDataDir } from '../integration/gateway-process.js';
import { installDebian, ROOT, run, start, until } from './tools.js';

const PROMETHEUS = 19_090;
const ALERTMANAGER = 19_093;
/** What has no values in a short run in which nothing goes wrong, no functions are called, and the engine answers. */
const QUIET =
  /child_restarts|label_overflow|switchyard_jobs\b|index_rebuild|tool_duration|upstream_|query_drift|drift_alarms/;
/** What a background makes that nobody waits for. */
const BEHIND = [
  'shadow_answers_total',
  'captures_total',
  'webhook_deliveries_total',
  'rollout_decisions_total',
  'evaluation_answers_total',
  'jobs_ended_total',
];

interface Alert {
  readonly status: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

t.test('dashboards are answered, and an alert arrives', async (t) => {
  installDebian({ prometheus: 'prometheus', 'prometheus-alertmanager': 'prometheus-alertmanager' });
  const folder = t.testdir({ rules: {} });
  const dataDir = temporaryDataDir();
  t.teardown(() => removeDataDir(dataDir));
  const key = join(folder, 'metrics.key');
  run(process.execPath, ['dist/cli/main.js', 'init', '--metrics-key-file', key], {
    env: { ...process.env, SWITCHYARD_DATA: dataDir },
  });
  const gateway = await startGateway(dataDir, {
    // Nobody collects the traces: their ids are in the metrics all the same.
    SWITCHYARD_TRACING_ENDPOINT: 'http://127.0.0.1:9/v1/traces',
    SWITCHYARD_BACKUP_FOLDER: join(folder, 'backups'),
    SWITCHYARD_WEBHOOKS_ALLOWED_HOSTS: '127.0.0.1',
    SWITCHYARD_WEBHOOKS_PRIVATE_ADDRESSES: 'true',
    SWITCHYARD_ROLLOUTS_LOOK_EVERY_MS: '500',
  });
  t.teardown(() => gateway.stop('SIGKILL'));

  const delivered: { path: string; alerts: Alert[] }[] = [];
  const webhook = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    delivered.push({ path: request.url!, alerts: JSON.parse(Buffer.concat(chunks).toString()).alerts ?? [] });
    response.end();
  }).listen(0, '127.0.0.1');
  t.teardown(() => webhook.close());
  await once(webhook, 'listening');

  const receiver = `127.0.0.1:${(webhook.address() as AddressInfo).port}`;
  const committed = (path: string) => readFileSync(join(ROOT, 'deploy', path), 'utf8');
  const target = new URL(gateway.url).host;
  const edited = (text: string, edits: readonly (readonly [string | RegExp, string])[]) =>
    edits.reduce((result, [from, to]) => {
      t.ok(result.match(from), `${from} is there to be changed`);
      return result.replaceAll(new RegExp(from, 'g'), to);
    }, text);
  const prometheusFile = join(folder, 'prometheus.yml');
  writeFileSync(
    prometheusFile,
    edited(committed('prometheus/prometheus.yml'), [
      [/(scrape|evaluation)_interval: \d+s/, '$1_interval: 1s'],
      ['/run/secrets/metrics_key', key],
      ['gateway:8080', target],
      ['alertmanager:9093', `127.0.0.1:${ALERTMANAGER}`],
    ]),
  );
  for (const name of ['recording.yaml', 'alerts.yaml']) {
    const text = committed(`prometheus/rules/${name}`);
    writeFileSync(join(folder, 'rules', name), text.replaceAll(/for: \d+[mh]/g, 'for: 1s'));
  }
  const alertmanagerFile = join(folder, 'alertmanager.yml');
  writeFileSync(
    alertmanagerFile,
    edited(committed('alertmanager/alertmanager.yml'), [
      [/group_wait: \d+s/, 'group_wait: 1s'],
      [/group_interval: \d+m/, 'group_interval: 1s'],
      ['alert-receiver:8081', receiver],
    ]),
  );

  const listen = (port: number) => `--web.listen-address=127.0.0.1:${port}`;
  const alertmanager = start('prometheus-alertmanager', [
    `--config.file=${alertmanagerFile}`,
    `--storage.path=${join(folder, 'alerts')}`,
    '--cluster.listen-address=',
    listen(ALERTMANAGER),
  ]);
  t.teardown(() => alertmanager.stop());
  const prometheus = start('prometheus', [
    `--config.file=${prometheusFile}`,
    `--storage.tsdb.path=${join(folder, 'metrics')}`,
    '--enable-feature=exemplar-storage',
    listen(PROMETHEUS),
  ]);
  t.teardown(() => prometheus.stop());
  const query = async (expr: string) => {
    const response = await fetch(`http://127.0.0.1:${PROMETHEUS}/api/v1/query`, {
      method: 'POST',
      body: new URLSearchParams({ query: expr }),
    });
    const { status, error, data } = (await response.json()) as {
      status: string;
      error?: string;
      data?: { result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    if (status !== 'success') throw new Error(`${expr}: ${error}`);
    return data!.result;
  };
  const scraped = async () => ((await query('up{job="switchyard"} == 1')).length === 1 ? true : null);
  await until(`a scrape\n${prometheus.output()}`, 60_000, scraped);

  await useGateway(gateway.url, `http://${receiver}/rollouts`);
  for (const name of BEHIND) {
    await until(name, 120_000, async () => ((await query(`switchyard_${name}`)).length > 0 ? true : null));
  }
  // Two scrapes make a rate.
  await new Promise((resolve) => setTimeout(resolve, 4000));

  const unanswered: string[] = [];
  for (const { panels } of dashboards()) {
    for (const { expr } of panels.flatMap(({ targets }) => targets)) {
      const result = await query(fillVariables(expr).replaceAll('[5m]', '[1m]'));
      if (result.length === 0 && !QUIET.test(expr)) unanswered.push(expr);
    }
  }
  t.same(unanswered, [], 'every panel has something to show');
  for (const { templating } of dashboards()) {
    for (const { definition } of templating.list) {
      const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(definition ?? '') ?? [];
      if (metric === undefined) continue;
      const path = `/api/v1/label/${label}/values?${new URLSearchParams({ 'match[]': metric })}`;
      const { data } = (await (await fetch(`http://127.0.0.1:${PROMETHEUS}${path}`)).json()) as { data: string[] };
      t.not(data.length, 0, `something to choose from: ${definition}`);
    }
  }

  const range = { start: String(Date.now() / 1000 - 600), end: String(Date.now() / 1000 + 60) };
  const asked = new URLSearchParams({ query: 'switchyard_request_duration_seconds_bucket', ...range });
  const kept = await (await fetch(`http://127.0.0.1:${PROMETHEUS}/api/v1/query_exemplars?${asked}`)).json();
  const { data } = kept as { data: { exemplars: { labels: { trace_id: string } }[] }[] };
  t.match(data[0]?.exemplars[0]?.labels.trace_id, /^[0-9a-f]{32}$/, 'a slow bucket leads to a trace');

  t.notOk(
    delivered.some(({ alerts }) => alerts.some(({ labels }) => labels.alertname === 'SwitchyardDown')),
    'nothing is wrong yet',
  );
  t.equal(await gateway.stop(), 0);
  const page = await until('an alert', 60_000, () => {
    const alerts = delivered.filter(({ path }) => path === '/page').flatMap(({ alerts }) => alerts);
    return alerts.find(({ labels }) => labels.alertname === 'SwitchyardDown' && labels.instance === target) ?? null;
  });
  t.match(page, {
    status: 'firing',
    labels: { severity: 'page', job: 'switchyard' },
    annotations: { summary: `The gateway ${target} does not answer when its metrics are read.` },
  });
  t.ok(readFileSync(join(ROOT, page.annotations.runbook!)), 'and its runbook is there');
});

/** A little of everything: two tenants, a rollout with shadows, an evaluation, a webhook, a stream, a rating, a kept text, an error. */
async function useGateway(url: string, webhook: string): Promise<void> {
  const admin = async <T>(method: 'GET' | 'PUT' | 'POST', path: string, body?: object): Promise<T> => {
    const response = await fetch(`${url}/admin/tenants/northwind-bank${path}`, {
      method,
      headers: { authorization: 'Bearer sk-demo-admin', 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
    return (await response.json()) as T;
  };
  const post = (path: string, key: string, body: object, headers = {}) =>
    fetch(url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  const bank = 'sk-demo-northwind-bank';
  const ask = (content: string, more = {}) => ({
    model: 'assistant',
    messages: [{ role: 'user', content }],
    max_tokens: 24,
    ...more,
  });
  await admin('POST', '/webhooks', { url: webhook });
  await admin('PUT', '/data-policy', dataPolicy({ captureRate: 1 }));
  const at = '/deployments/assistant';
  const { adapter, stableVersion, instructions, retrieval, policy } = await admin<Deployment>('GET', at);
  await admin('PUT', at, {
    adapter,
    stableVersion,
    instructions,
    policy,
    retrieval: { ...retrieval, attention: 'block' },
    engine: 'embedded',
  });
  await admin('POST', `${at}/rollout`, { version: 2, shadowWeight: 100 });
  const questions = [{ id: 'moon', question: 'How far away is the moon?', answerable: false }];
  await admin('POST', '/evaluation-runs', { adapter, version: stableVersion, questions });
  for (let i = 0; i < 3; i++) {
    const answer = await post('/v1/chat/completions', bank, ask(`What is the early repayment charge, case ${i}?`));
    const { id } = (await answer.json()) as { id: string };
    await post('/v1/feedback', bank, { answer_id: id, rating: 'up' });
    await (await post('/v1/chat/completions', bank, ask('My card is 4111 1111 1111 1111. Is it valid?'))).text();
    await (await post('/v1/chat/completions', bank, ask('And of a tracker?'), { 'x-canary': 'always' })).text();
    await (
      await post('/v1/chat/completions', 'sk-demo-copilot', ask('What is the body limit?', { stream: true }))
    ).text();
  }
  await (await post('/v1/chat/completions', bank, ask('Hi', { max_tokens: 1_000_000 }))).text();
}
