/** What befalls the gateway, one thing after the other, each until everything is ready again. */
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SoakGateway } from './gateway.js';
import { partsOf } from './processes.js';
import type { Fault, FaultKind } from './tally.js';

const POLL_MS = 100;
const HELD_MS = 5000;
const JUMP_S = 3600;
const READY_TIMEOUT_MS = 60_000;
/** A circuit that was opened closes a little later. */
const GRACE_MS = 2000;

export function faultKinds({ hasOwnDisk, shiftClock }: SoakGateway): FaultKind[] {
  return [
    ...(['engine', 'retrieval', 'tokenizer', 'parser'] as const),
    ...(hasOwnDisk ? (['disk'] as const) : []),
    ...(shiftClock ? (['clock'] as const) : []),
  ];
}

/** @throws Error where the gateway does not come back */
export async function inflict(kind: FaultKind, gateway: SoakGateway): Promise<Fault> {
  const fromMs = performance.now();
  if (kind === 'disk') await fillDisk(gateway);
  else if (kind === 'clock') await moveClock(gateway);
  else await killPart(kind, gateway);
  await untilReady(gateway, kind);
  return { kind, fromMs, toMs: performance.now() + GRACE_MS };
}

/** Resolves when the system has taken it away, and, but for a parser, another one is there. */
async function killPart(kind: FaultKind, { pid }: SoakGateway): Promise<void> {
  const part = kind === 'parser' ? 'retrieval/parser' : kind;
  const found = () => partsOf(pid).filter((one) => one.part === part);
  const deadline = performance.now() + READY_TIMEOUT_MS;
  const until = async (what: string, isSo: () => boolean) => {
    for (; !isSo(); await sleep(POLL_MS)) if (performance.now() > deadline) throw new Error(`${part}: ${what}`);
  };
  // A parser is there while there is something to read.
  await until('there is none to kill', () => found().length > 0);
  const [victim, ...others] = found();
  process.kill(victim!.pid, 'SIGKILL');
  await until('it does not die', () => !found().some((one) => one.pid === victim!.pid));
  if (kind !== 'parser') await until('no other is started', () => found().length > others.length);
}

async function fillDisk({ dataDir }: SoakGateway): Promise<void> {
  const filler = join(dataDir, 'filler');
  const file = openSync(filler, 'w');
  const block = Buffer.alloc(1 << 16);
  try {
    for (const until = performance.now() + HELD_MS; performance.now() < until; await sleep(POLL_MS)) {
      // What was freed meanwhile is taken too.
      while (tryWrite(file, block));
    }
  } finally {
    closeSync(file);
    rmSync(filler);
  }
}

function tryWrite(file: number, block: Buffer): boolean {
  try {
    return writeSync(file, block) > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}

/** Forward, and back again. */
async function moveClock({ shiftClock }: SoakGateway): Promise<void> {
  shiftClock!(JUMP_S);
  await sleep(HELD_MS);
  shiftClock!(0);
  await sleep(HELD_MS);
}

async function untilReady({ url }: SoakGateway, kind: FaultKind): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  // The death of a process is seen a moment later.
  do await sleep(POLL_MS * 5);
  while (!(await isReady(url)) && performance.now() < deadline);
  if (performance.now() >= deadline) throw new Error(`not ready ${READY_TIMEOUT_MS / 1000} s after the fault ${kind}`);
}

async function isReady(url: string): Promise<boolean> {
  const { status } = (await (await fetch(`${url}/readyz`)).json()) as { status: string };
  return status === 'ready';
}
