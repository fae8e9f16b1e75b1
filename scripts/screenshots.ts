// Takes the pictures of docs/console.md and docs/guides/operate.md: `npx tsx scripts/screenshots.ts`. A gateway with the sample tenants, a
// rollout under way, real questions, a real browser, and Debian's Prometheus; some minutes on two cores. It works on a copy of the data folder.
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { chromium, type Page } from 'playwright-core';

const PORT = 18169;
const URL = `http://127.0.0.1:${PORT}`;
const PROMETHEUS_PORT = 18170;
const PROMETHEUS = `http://127.0.0.1:${PROMETHEUS_PORT}`;
const TARGET = 'docs/images';
const TENANT = 'northwind-bank';
const KEYS = ['sk-demo-admin', `sk-demo-${TENANT}`];
const QUESTIONS = 24;
const RATE = 'sum by (adapter, direction) (rate(switchyard_tokens_total[1m]))';

const dataDir = mkdtempSync(join(tmpdir(), 'switchyard-console-'));
const source = resolve(process.env.SWITCHYARD_DATA ?? '.switchyard');
const NOT_COPIED = /\/(models|downloads|python|test-documents|gateway\.lock)$/;
cpSync(source, dataDir, { recursive: true, filter: (path) => !NOT_COPIED.test(path) });
symlinkSync(join(source, 'models'), join(dataDir, 'models'));
mkdirSync(TARGET, { recursive: true });
const gateway = spawn(process.execPath, ['--import=tsx', 'src/main.ts'], {
  env: { ...process.env, HOST: '127.0.0.1', PORT: String(PORT), SWITCHYARD_DATA: dataDir },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const prometheus = startPrometheus();
try {
  await ready(gateway);
  await send('POST', `/admin/tenants/${TENANT}/deployments/assistant/rollout`, { version: 2, steps: [50, 100] });
  const traffic = askAll(questions());
  await takeAll();
  await traffic;
} finally {
  prometheus.kill();
  gateway.kill();
  rmSync(dataDir, { recursive: true, force: true });
}

async function takeAll(): Promise<void> {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  const wide = { viewport: { width: 1240, height: 800 }, colorScheme: 'light' } as const;
  await take(browser.newPage(wide), 'overview', 'overview', (page) => page.waitForTimeout(45_000));
  await take(browser.newPage(wide), `deployments/${TENANT}/assistant`, 'deployment', (page) =>
    page.waitForTimeout(2000),
  );
  await take(browser.newPage({ ...wide, colorScheme: 'dark' }), `playground/${TENANT}`, 'playground', async (page) => {
    await page.getByLabel('Message').fill('What is the early repayment charge of a two-year fix?');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Receipt' }).waitFor({ timeout: 120_000 });
  });
  const phone = { viewport: { width: 390, height: 800 }, colorScheme: 'light' } as const;
  await take(browser.newPage(phone), `documents/${TENANT}`, 'documents-phone', async (page) => {
    await page.getByLabel('Question or words').fill('early repayment charge');
    await page.keyboard.press('Enter');
    await page.locator('.passage').first().waitFor();
  });
  const monitoring = await browser.newPage(wide);
  await shoot(
    monitoring,
    `${PROMETHEUS}/classic/graph?${new URLSearchParams({ 'g0.expr': RATE, 'g0.tab': '0', 'g0.range_input': '5m' })}`,
    'prometheus-tokens',
  );
  await shoot(monitoring, `${PROMETHEUS}/classic/alerts`, 'prometheus-alerts');
  await browser.close();
}

async function shoot(page: Page, address: string, name: string): Promise<void> {
  await page.goto(address);
  await page.waitForTimeout(3000);
  await page.screenshot({ path: `${TARGET}/${name}.png` });
}

/** With the files of deploy/: a gateway of samples shows its metrics to this machine without a key. */
function startPrometheus(): ChildProcess {
  const folder = join(dataDir, 'prometheus');
  cpSync('deploy/prometheus/rules', join(folder, 'rules'), { recursive: true });
  const config = readFileSync('deploy/prometheus/prometheus.yml', 'utf8')
    .replace(/alerting:[\s\S]*?(?=scrape_configs)/, '')
    .replace(/ {4}authorization:[\s\S]*?(?= {4}static_configs)/, '')
    .replace('gateway:8080', `127.0.0.1:${PORT}`)
    .replace(/_interval: \d+s/g, '_interval: 5s');
  writeFileSync(join(folder, 'prometheus.yml'), config);
  const storage = `--storage.tsdb.path=${join(folder, 'metrics')}`;
  const listen = `--web.listen-address=127.0.0.1:${PROMETHEUS_PORT}`;
  return spawn('prometheus', [`--config.file=${join(folder, 'prometheus.yml')}`, storage, listen], { stdio: 'ignore' });
}

async function take(
  opened: Promise<Page>,
  hash: string,
  name: string,
  prepare: (page: Page) => Promise<void>,
): Promise<void> {
  const page = await opened;
  await page.goto(`${URL}/console/#/session`);
  for (const [i, key] of KEYS.entries()) {
    await page.getByLabel('Key', { exact: true }).fill(key);
    await page.getByRole('button', { name: i === 0 ? 'Sign in' : 'Add the key' }).click();
    await page.getByRole('cell', { name: i === 0 ? 'admin' : TENANT, exact: true }).waitFor();
  }
  await page.goto(`${URL}/console/#/${hash}`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await prepare(page);
  await page.screenshot({ path: `${TARGET}/console-${name}.png` });
  await page.close();
}

function questions(): string[] {
  const lines = readFileSync(`indexes/${TENANT}/eval.jsonl`, 'utf8').trim().split('\n');
  return lines.slice(0, QUESTIONS).map((line) => JSON.parse(line).question);
}

/** Two at a time, each of another user. */
async function askAll(waiting: string[]): Promise<void> {
  const worker = async () => {
    for (let content = waiting.shift(); content !== undefined; content = waiting.shift()) {
      const body = {
        model: 'assistant',
        user: `user-${waiting.length}`,
        max_tokens: 64,
        messages: [{ role: 'user', content }],
      };
      await send('POST', '/v1/chat/completions', body, KEYS[1]);
    }
  };
  await Promise.all([worker(), worker()]);
}

async function send(method: string, path: string, body: object, key = KEYS[0]): Promise<void> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const response = await fetch(URL + path, { method, headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  await response.arrayBuffer();
}

function ready({ stdout }: ChildProcess): Promise<void> {
  return new Promise((resolve) => stdout!.on('data', (chunk) => String(chunk).includes('ready on') && resolve()));
}
