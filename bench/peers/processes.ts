/** Programs that peers are made of: run to their end, or kept running as servers. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Takes everything it writes. */
  readonly logFile: string;
}

const POLL_MS = 200;
const STOP_TIMEOUT_MS = 20_000;
const LOG_LINES = 15;

/** @throws Error with the end of its log where it fails */
export async function runProgram(program: Program): Promise<void> {
  const child = launch(program);
  await ended(child);
  if (child.exitCode !== 0) throw failure(program, `ended with ${child.exitCode ?? child.signalCode}`);
}

/** Resolves when the health address answers; what it gives ends the server and all its children. */
export async function startServer(
  program: Program,
  healthUrl: string,
  timeoutMs: number,
): Promise<{ readonly pid: number; stop(): Promise<void> }> {
  const child = launch(program);
  const exit = ended(child);
  const kill = (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, signal);
  };
  const killNow = () => kill('SIGKILL');
  const stop = endWith(killNow, async () => {
    resumeTree(child.pid!);
    kill('SIGTERM');
    await Promise.race([exit, sleep(STOP_TIMEOUT_MS, undefined, { ref: false })]);
    killNow();
    await exit;
  });
  for (const deadline = Date.now() + timeoutMs; !(await answers(healthUrl)); await sleep(POLL_MS)) {
    if (child.exitCode !== null || child.signalCode !== null) throw failure(program, 'ended before it was ready');
    if (Date.now() > deadline) {
      await stop();
      throw failure(program, `was not ready after ${timeoutMs / 1000} s`);
    }
  }
  return { pid: child.pid!, stop };
}

/** Stops a process and all that it started, until `resumeTree`. The parents first: none sees a child of its own stopped. */
export function pauseTree(pid: number): void {
  for (const one of treeOf(pid)) signal(one, 'SIGSTOP');
}

/** The children first: no parent finds one that does not answer. */
export function resumeTree(pid: number): void {
  for (const one of treeOf(pid).reverse()) signal(one, 'SIGCONT');
}

/** Processor time that a process and all that it started have had, in milliseconds. */
export function cpuMsOf(pid: number): number {
  return treeOf(pid).reduce((sum, one) => sum + ownCpuMs(one), 0);
}

/** By `/proc/PID/stat`, in hundredths of a second; its second field may hold anything. None of one that has ended. */
function ownCpuMs(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return 10 * (Number(fields[11]) + Number(fields[12]));
  } catch {
    return 0;
  }
}

/** A process and its descendants, each behind its parent. */
export function treeOf(root: number): number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  const processes = lines.map((line) => line.trim().split(/\s+/).map(Number) as [number, number]);
  const tree = [root];
  for (const parent of tree) tree.push(...processes.filter(([, ppid]) => ppid === parent).map(([pid]) => pid));
  return tree;
}

/** One that has ended meanwhile needs no signal. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Sees to it that a server does not outlive this process, even when it is interrupted. */
export function endWith(killNow: () => void, stop: () => Promise<unknown>): () => Promise<void> {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  // Interrupted, node ends without its exit event unless somebody asks for it.
  const exit = () => process.exit(1);
  process.once('exit', killNow);
  for (const signal of signals) process.on(signal, exit);
  return async () => {
    await stop();
    process.off('exit', killNow);
    for (const signal of signals) process.off(signal, exit);
  };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || !address) throw new Error('no port is free');
  return address.port;
}

/** As it would be typed where its files lie: for the record, which names no folder of this machine. */
export function commandLine(command: string, args: readonly string[], env: Program['env'] = {}): string {
  const words = [...Object.entries(env).map(([name, value]) => `${name}=${value}`), command, ...args];
  return words.join(' ').replace(/(?<=^|[ =,])\/[^ =,]*\//g, '');
}

/** A process group of its own, so that its children can be ended with it. */
function launch({ command, args, env, cwd, logFile }: Program): ChildProcess {
  const log = openSync(logFile, 'a');
  try {
    return spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', log, log], detached: true });
  } finally {
    closeSync(log);
  }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => resolve());
  });
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

function failure({ command, logFile }: Program, what: string): Error {
  const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n');
  return new Error(`${command} ${what}; ${logFile} ends with:\n${lines.slice(-LOG_LINES).join('\n')}`);
}
