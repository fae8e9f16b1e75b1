// Brings a fresh clone to the point where it can run: packages, build, models. Plain JavaScript without dependencies,
// because it runs before anything is installed. Every step is skipped when its result is already there.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildKernels } from './kernels.mjs';
import { digestOf, isCurrent, root, sha256 } from './stamps.mjs';

const stamps = {
  packages: join(root, 'node_modules/.switchyard-packages'),
  build: join(root, 'dist/.switchyard-build'),
};
/** Packages take 1.0 GB, models while they are imported 1.8 GB, 1.5 GB afterwards. */
const NEEDED_BYTES = 3.5e9;
/** What the tests run on, whatever is configured. */
const TEST_MODELS = [
  'smollm2-135m-instruct',
  'qwen2.5-coder-0.5b-instruct',
  'bge-small-en-v1.5-qa',
  'multilingual-e5-small',
  'rampart-ner',
];

/** A package carries what is compiled for every machine; kernels and models come where it is installed. */
const buildOnly = process.argv.includes('--build');

class SetupError extends Error {}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new SetupError(`Node ${process.versions.node} is too old. Install Node 20.19 or newer (22 or 24 are fine).`);
  }
}

function checkDisk() {
  const { bavail, bsize } = statfsSync(root);
  if (bavail * bsize < NEEDED_BYTES) {
    throw new SetupError(
      `Only ${((bavail * bsize) / 1e9).toFixed(1)} GB are free in ${root}. Free at least ${NEEDED_BYTES / 1e9} GB.`,
    );
  }
}

function checkCompiler() {
  const candidates = process.env.CXX ? [process.env.CXX] : ['c++', 'g++', 'clang++'];
  const found = candidates.some((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
  if (!found && process.platform !== 'win32') {
    throw new SetupError(
      'No C++ compiler was found. Install one (Debian: apt-get install build-essential; macOS: xcode-select --install).',
    );
  }
  if (['python3', 'python'].every((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status !== 0)) {
    throw new SetupError(
      'No Python was found; native packages are built with it. Install Python 3 with pip (Debian: apt-get install python3 python3-pip).',
    );
  }
}

/** Draws one line that is redrawn on a terminal; elsewhere only the first and the last state are written. */
function progressLine(label) {
  const start = Date.now();
  const elapsed = () => `${Math.round((Date.now() - start) / 1000)} s`;
  if (!process.stderr.isTTY) process.stderr.write(`${label} …\n`);
  return {
    update(share) {
      if (!process.stderr.isTTY) return;
      const filled = Math.round(Math.min(1, share) * 30);
      process.stderr.write(`\r${label} [${'#'.repeat(filled)}${' '.repeat(30 - filled)}] ${elapsed()} `);
    },
    end() {
      process.stderr.write(
        process.stderr.isTTY ? `\r${label} done in ${elapsed()}${' '.repeat(40)}\n` : `${label} done in ${elapsed()}\n`,
      );
    },
  };
}

/** Runs a command with its output kept back; it is shown only when the command fails. */
function run(command, args, { label, share = () => 0, env = {} }) {
  const line = progressLine(label);
  return new Promise((resolve, reject) => {
    const output = [];
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      shell: process.platform === 'win32',
    });
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    const timer = setInterval(() => line.update(share()), 500);
    child.on('error', reject);
    child.on('close', (status) => {
      clearInterval(timer);
      if (status === 0) {
        line.end();
        return resolve();
      }
      process.stderr.write(`\n${Buffer.concat(output).toString().slice(-4000)}\n`);
      reject(new SetupError(`${label} failed (${command} ${args.join(' ')}). The output above says why.`));
    });
  });
}

async function installPackages() {
  const lock = readFileSync(join(root, 'package-lock.json'));
  const wanted = sha256(lock, process.versions.modules);
  if (isCurrent(stamps.packages, wanted)) return;
  checkDisk();
  checkCompiler();
  const folders = Object.keys(JSON.parse(lock).packages).filter((name) => name !== '');
  await run('npm', ['ci', '--no-audit', '--no-fund'], {
    label: 'Installing packages (about two minutes, native ones are compiled)',
    share: () => folders.filter((name) => existsSync(join(root, name))).length / folders.length,
    // onnxruntime-node's own install script would download CUDA libraries, which a CPU does not need.
    env: { ONNXRUNTIME_NODE_INSTALL: 'skip' },
  });
  // tap compiles its own library for the plugins that .taprc names; a run that has to do that first fails.
  await run('npx', ['--no-install', 'tap', 'build'], { label: 'Preparing the test runner' });
  writeFileSync(stamps.packages, wanted);
}

async function build() {
  const wanted = digestOf('src', ['tsconfig.json', 'tsconfig.build.json', 'scripts/console.mjs']);
  if (isCurrent(stamps.build, wanted)) return;
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { label: 'Building' });
  await run(process.execPath, ['scripts/console.mjs'], { label: 'Building the console' });
  chmodSync(join(root, 'dist/cli/main.js'), 0o755);
  writeFileSync(stamps.build, wanted);
}

/** Without them the engine runs on onnxruntime's own operators; the tests need them. */
async function ensureKernels() {
  try {
    await buildKernels((command, args) => run(command, args, { label: 'Building the kernels' }));
  } catch (error) {
    if (!(error instanceof SetupError) || process.env.npm_lifecycle_event === 'pretest') throw error;
    process.stderr.write(`switchyard: ${error.message} The engine will be slower: it runs on stock operators.\n`);
  }
}

/** The command line shows its own progress and names what to do when no source answers. */
function pullModels() {
  const models = process.env.npm_lifecycle_event === 'pretest' ? TEST_MODELS : [];
  const { status } = spawnSync(process.execPath, ['dist/cli/main.js', 'models', 'pull', ...models], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw new SetupError('The models are not complete, see above.');
}

try {
  checkNode();
  await installPackages();
  await build();
  if (!buildOnly) {
    await ensureKernels();
    pullModels();
  }
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`switchyard: ${error.message}\n`);
  process.exit(1);
}
