import { fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { createEngine } from '../../src/engine/client.js';
import {
  ask,
  HANG_TIMEOUT_MS,
  idsOf,
  MODEL_DIR,
  readModelManifest,
  SETTINGS,
  startEngine,
} from '../fixtures/engine/engine.js';
import { inlineTokenizer, loadModelTokenizer } from '../fixtures/tokenizer/inline-tokenizer.js';

t.setTimeout(300_000);

/** Pids of the engine processes that a process forked. */
function enginePids(gateway = process.pid): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return Number(parent) === gateway && command.includes(path.join('engine', 'process', 'main'));
      } catch {
        return false;
      }
    });
}

async function becomes(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

t.test('a killed process fails what was in flight with a retryable error, and the next request works', async (t) => {
  const engine = await startEngine();
  t.teardown(() => engine.close());
  const question = { prompt: 'Once upon a time', maxTokens: 16 };
  const before = await idsOf(engine, question);
  const seen: string[] = [];
  const stop = engine.observe(({ type }) => seen.push(type));

  for (const round of [1, 2]) {
    const [pid] = enginePids();
    // More than there are slots: some of them still wait.
    const inFlight = Array.from({ length: SETTINGS.slots + 2 }, () => ask(engine, { ...question, maxTokens: 400 }));
    const failed = Promise.allSettled(inFlight);
    await becomes(() => engine.status().slotsInUse === SETTINGS.slots);
    process.kill(pid!, 'SIGKILL');
    for (const result of await failed) {
      t.match(result, { status: 'rejected', reason: { code: 'engine_unavailable' } }, `round ${round}`);
    }
    t.match(engine.status(), { ready: false, reason: /SIGKILL/, slotsInUse: 0, queued: 0 });
    await t.rejects(ask(engine, question), { code: 'engine_unavailable', retryAfterS: 1 });
    await becomes(() => engine.status().ready);
    t.same(await idsOf(engine, question), before);
  }
  stop();
  t.equal(seen.filter((type) => type === 'restart').length, 2);
});

t.test('closing ends the process and what is in flight', async (t) => {
  const engine = await startEngine();
  const running = ask(engine, { prompt: 'Once upon a time', maxTokens: 400 });
  const ended = t.rejects(running, { code: 'engine_unavailable' });
  await engine.close();
  await ended;
  t.same(enginePids(), []);
  await t.rejects(ask(engine, { prompt: 'x' }), { code: 'engine_unavailable' });
});

t.test('an engine whose gateway was killed ends itself', async (t) => {
  const gateway = fork(
    fileURLToPath(new URL(`../fixtures/engine/hold-engine${path.extname(import.meta.url)}`, import.meta.url)),
  );
  await once(gateway, 'message');
  const [pid] = enginePids(gateway.pid);
  t.ok(pid);
  gateway.kill('SIGKILL');
  await becomes(() => !existsSync(`/proc/${pid}`));
});

t.test('a model that cannot be served stops the start with the reason and leaves no process', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'switchyard-broken-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const tokenizer = inlineTokenizer(await loadModelTokenizer());
  const start = (contextTokens = 512) =>
    createEngine({
      modelDir: folder,
      settings: { ...SETTINGS, contextTokens },
      tokenizer,
      calibrationFile: path.join(folder, 'calibration.json'),
      hangTimeoutMs: HANG_TIMEOUT_MS,
      clock: { now: Date.now, monotonicMs: () => performance.now() },
      log: { info: () => {}, warn: () => {} },
    });
  await t.rejects(start(), { code: 'model_unavailable', message: /not imported/ });

  const manifest = readModelManifest();
  writeFileSync(path.join(folder, 'manifest.json'), JSON.stringify(manifest));
  await t.rejects(start(100_000), { code: 'config_invalid', message: /8192 positions/ });

  for (const { file } of Object.values(manifest.graphs)) writeFileSync(path.join(folder, file), 'not a graph');
  for (const file of [manifest.tokenizer.file, manifest.tokenizer.configFile]) {
    copyFileSync(path.join(MODEL_DIR, file), path.join(folder, file));
  }
  await t.rejects(start(), { code: 'engine_unavailable', message: /the model cannot be loaded on cpu/ });
  t.same(enginePids(), []);
});
