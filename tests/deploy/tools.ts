/** Programs that the tests of deploy/ run: Debian's, Python's and Go's packages, installed where they are missing. */
import { type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { outputOf } from '../integration/child.js';
import { installPython } from '../python/packages.js';

export const ROOT = process.cwd();
export const GO_BIN = join(ROOT, '.switchyard/go');

/** Runs a program to its end. @throws Error with what it wrote where it fails */
export function run(command: string, args: readonly string[], options: SpawnOptions & { input?: string } = {}): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: ROOT,
    maxBuffer: 1 << 28,
    ...options,
    encoding: 'utf8',
  });
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${stdout}${stderr}${error ?? ''}`);
  return stdout + stderr;
}

/** Makes sure that Debian's packages are there; needs root where they are not. */
export function installDebian(programs: Readonly<Record<string, string>>): void {
  const missing = Object.entries(programs).filter(([name]) => spawnSync('which', [name]).status !== 0);
  if (missing.length === 0) return;
  run('apt-get', ['update', '-qq']);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // Somebody else may be installing something.
  const options = ['-y', '-qq', '-o', 'DPkg::Lock::Timeout=300', '--no-install-recommends'];
  run('apt-get', ['install', ...options, ...missing.map(([, name]) => name)], { env });
}

/** The path of a program of a Go module. */
export function installGo(program: string, module: string): string {
  const file = join(GO_BIN, program);
  if (!existsSync(file)) run('go', ['install', '-p', '1', module], { env: { ...process.env, GOBIN: GO_BIN } });
  return file;
}

/** Folder of Python packages with hadolint and kubernetes-validate. */
export const pythonTools = (): string => installPython('deploy-requirements.txt');

/**
 * What is asked for only for development, of what is installed in a folder. What such packages need is not looked for: in a tree of another
 * day, the product's own packages may need it as well.
 */
export function developmentPackagesIn(folder: string): string[] {
  const read = (file: string) => JSON.parse(readFileSync(join(ROOT, file), 'utf8'));
  const { devDependencies } = read('package.json') as { readonly devDependencies: Readonly<Record<string, string>> };
  const { packages } = read('package-lock.json') as {
    readonly packages: Readonly<Record<string, { readonly dev?: true }>>;
  };
  const ofDevelopment = Object.keys(devDependencies)
    .map((name) => `node_modules/${name}`)
    .filter((path) => packages[path]?.dev);
  if (!ofDevelopment.includes('node_modules/tap'))
    throw new Error('package-lock.json no longer says what is of development');
  return ofDevelopment.filter((path) => existsSync(join(folder, path)));
}

export interface Service {
  readonly output: () => string;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts a program that goes on; what it writes is kept for who asks why. */
export function start(command: string, args: readonly string[], options: SpawnOptions = {}): Service {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const written = outputOf(child);
  return {
    output: () => written.out + written.err,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill(signal);
      await exited;
    },
  };
}

/** Asks again and again until the answer is not null. @throws Error with `what` after `limitMs` */
export async function until<T>(what: string, limitMs: number, ask: () => Promise<T | null> | T | null): Promise<T> {
  const end = Date.now() + limitMs;
  for (;;) {
    const answer = await Promise.resolve(ask()).catch(() => null);
    if (answer !== null) return answer;
    if (Date.now() > end) throw new Error(`not within ${limitMs / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
