/**
 * Runs test files, each in a process of its own, and closes with one plain line that any log reader understands.
 * `node scripts/test.mjs [--jobs N] [--timeout SECONDS] [FILE …]`; without files all of `tests/**\/*.test.ts`.
 *
 * What they are made of is compiled once, into `.compiled/`, a copy of the tree where everything else is a link: hundreds of
 * processes that compile what they load took a third of the time (docs/decisions/0088-tests-compiled-once.md).
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const OUT = '.compiled';
const COMPILED = ['src', 'tests', 'bench', 'scripts'];
const LEFT_OUT = [...COMPILED, OUT, '.git', '.tap'];
const SUMMARY = /# \{ total: (\d+)(?:, pass: (\d+))?(?:, fail: (\d+))?/g;

const { values, positionals } = parseArgs({
  options: { jobs: { type: 'string', default: '2' }, timeout: { type: 'string', default: '600' } },
  allowPositionals: true,
});

await compile();
const started = performance.now();
const files = positionals.length > 0 ? positionals : filesOf('tests').filter((file) => file.endsWith('.test.ts'));
const waiting = [...files];
const sum = { passed: 0, failed: 0 };
await Promise.all(Array.from({ length: Number(values.jobs) }, work));
const minutes = (performance.now() - started) / 60_000;
process.stdout.write(
  `\n${files.length} files in ${minutes.toFixed(1)} minutes\n${sum.passed} passed, ${sum.failed} failed\n`,
);
process.exit(sum.failed === 0 && sum.passed > 0 ? 0 : 1);

async function work() {
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    const { passed, failed, seconds, output, why } = await run(file);
    sum.passed += passed;
    sum.failed += failed;
    process.stdout.write(`${failed === 0 ? 'ok' : 'FAILED'} ${file} ${passed} in ${seconds.toFixed(1)} s\n`);
    if (failed > 0) process.stdout.write(`${[...why, ...failuresOf(output)].join('\n')}\n`);
  }
}

/** @returns {Promise<{ passed: number, failed: number, seconds: number, output: string, why: string[] }>} */
function run(file) {
  const startMs = performance.now();
  const child = spawn(process.execPath, [join(OUT, file.replace(/\.ts$/, '.js'))], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TAP_TIMEOUT: values.timeout },
  });
  // A test that is in time ends itself; this ends one whose thread stands still.
  const timer = setTimeout(() => child.kill('SIGKILL'), 2000 * Number(values.timeout));
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const [, total, pass = 0, fail = 0] = [...output.matchAll(SUMMARY)].at(-1) ?? [];
      const why = [];
      if (total === undefined) why.push('It ended before it said how many tests there were.');
      if (code !== 0 && Number(fail) === 0) why.push(`It ended with ${signal ?? `exit code ${code}`}.`);
      const failed = Number(fail) + (Number(fail) === 0 && why.length > 0 ? 1 : 0);
      resolve({ passed: Number(pass), failed, seconds: (performance.now() - startMs) / 1000, output, why });
    });
  });
}

/** What failed, with what was expected and found, and what a test says of itself, as a seed. */
function failuresOf(output) {
  const shown = [];
  let state = 'passing';
  for (const line of output.split('\n')) {
    if (/^ *not ok /.test(line)) state = 'failed';
    else if (state === 'failed') state = /^ *---$/.test(line) ? 'details' : 'passing';
    if (state !== 'passing' || /^ *# (?!Subtest|time=)/.test(line)) shown.push(line);
    if (state === 'details' && /^ *\.\.\.$/.test(line)) state = 'passing';
  }
  return shown;
}

async function compile() {
  rmSync(OUT, { recursive: true, force: true });
  const sources = COMPILED.flatMap(filesOf);
  await build({
    entryPoints: sources.filter((file) => file.endsWith('.ts')),
    outdir: OUT,
    outbase: '.',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'error',
  });
  for (const file of sources.filter((name) => !name.endsWith('.ts'))) {
    mkdirSync(dirname(join(OUT, file)), { recursive: true });
    cpSync(file, join(OUT, file));
  }
  for (const name of readdirSync('.').filter((entry) => !LEFT_OUT.includes(entry)))
    symlinkSync(join('..', name), join(OUT, name));
}

/** All files below a folder; benchmarks keep what they install in hidden ones. */
function filesOf(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name.startsWith('.') ? [] : filesOf(path);
    return [path];
  });
}
