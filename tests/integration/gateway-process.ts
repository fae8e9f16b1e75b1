/** A real gateway in a process of its own, over a data folder of its own; the models are those of the set-up. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/load.js';
import { keepGatewayCalibration } from '../fixtures/engine/kept-calibration.js';
import { outputOf } from './child.js';

const ROOT = process.cwd();
export const MODELS = join(process.env.SWITCHYARD_DATA ?? join(ROOT, '.switchyard'), 'models');
/** The small base model: most of what is tested does not depend on how well it answers. */
const SMALL_BASE = { SWITCHYARD_MODELS_BASE: 'smollm2-135m-instruct' };
/** Nothing else runs while the sample documents are indexed. */
const FAST_INDEXING = { SWITCHYARD_RETRIEVAL_THREADS: '2' };
/** Where nobody is answered anything, the start of an engine is half of that of the gateway. */
export const NO_ENGINE = { SWITCHYARD_UPSTREAM_URLS: 'http://127.0.0.1:9' };
const READY = /ready on (http:\/\/\S+)/;

export interface GatewayProcess {
  readonly url: string;
  readonly dataDir: string;
  /** Everything it wrote to standard output. */
  readonly output: () => string;
  readonly pid: number;
  /** Resolves when it has ended, whoever ended it. */
  ended(): Promise<void>;
  /** Asks it to stop, as a service manager would, and gives its exit code; SIGKILL gives null. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export function temporaryDataDir(): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'switchyard-'));
  symlinkSync(MODELS, join(dataDir, 'models'));
  return dataDir;
}

export const removeDataDir = (dataDir: string) => rmSync(dataDir, { recursive: true, force: true });

/** Resolves once it printed that it is ready. @throws Error with its output when it ends before */
export function startGateway(dataDir: string, env: Record<string, string> = {}): Promise<GatewayProcess> {
  const settings = { ...SMALL_BASE, ...FAST_INDEXING, ...env };
  keepCalibration(dataDir, settings);
  return startAsShipped(dataDir, settings);
}

/** Its engine need not measure the machine. */
export function keepCalibration(dataDir: string, env: Record<string, string>): void {
  keepGatewayCalibration(loadConfig({ env: { ...env, SWITCHYARD_DATA: dataDir } }));
}

/** The same with the settings and the base model that are shipped, but for what is given: it measures the machine. */
export function startAsShipped(dataDir: string, env: Record<string, string> = {}): Promise<GatewayProcess> {
  return startByCommands('npm start', dataDir, env);
}

/** The same by commands of bash, the last of which is `npm start`. */
export async function startByCommands(
  commands: string,
  dataDir: string,
  env: Record<string, string> = {},
): Promise<GatewayProcess> {
  const start = `exec '${process.execPath}' '${join(ROOT, 'dist/main.js')}'`;
  const child = spawn('bash', ['-euc', commands.replace(/^npm start$/m, start)], {
    cwd: ROOT,
    env: { ...process.env, PORT: '0', SWITCHYARD_DATA: dataDir, SWITCHYARD_SERVER_LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  const written = outputOf(child);
  const url = await untilReady(child, written);
  return {
    url,
    dataDir,
    output: () => written.out,
    pid: child.pid!,
    async ended() {
      await exited;
    },
    async stop(signal = 'SIGTERM') {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      child.kill(signal);
      const [code] = await exited;
      return code;
    },
  };
}

function untilReady(child: ChildProcess, written: ReturnType<typeof outputOf>): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const match = READY.exec(written.out);
      if (match === null) return;
      // Searched at every line, a log of megabytes keeps whoever measures busier than the gateway.
      child.stdout!.off('data', look);
      resolve(match[1]!);
    };
    child.stdout!.on('data', look);
    child.once('exit', (code) => reject(new Error(`the gateway ended with ${code}: ${written.err}${written.out}`)));
  });
}
