import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';

/** What a figure depends on: never compare figures across different ones. */
interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  readonly avx512: boolean;
  readonly vnni: boolean;
  readonly amx: boolean;
}

/** The last line of every benchmark: one JSON object with what was measured, on what, and of which commit. */
export function benchLine(bench: string, figures: Readonly<Record<string, number>>): string {
  return JSON.stringify({ bench, commit: commit(), machine: describeMachine(), figures });
}

/** Of the package that this is a part of. */
export function productVersion(): string {
  const file = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(file) as { version: string }).version;
}

/** null where there is no git, or no repository. */
export function commit(): string | null {
  try {
    const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore'];
    return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8', stdio }).trim();
  } catch {
    return null;
  }
}

export function describeMachine(): Machine {
  const flags = new Set(cpuFlags());
  return {
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    node: process.versions.node,
    avx512: flags.has('avx512f'),
    vnni: flags.has('avx512_vnni') || flags.has('avx_vnni'),
    amx: flags.has('amx_int8'),
  };
}

/** How long the process' first thread could have run and waited for a processor, by Linux' scheduler; elsewhere 0. */
export function waitedForProcessorMs(): number {
  try {
    const [, waitedNs] = readFileSync('/proc/self/schedstat', 'utf8').split(' ');
    return Number(waitedNs) / 1e6;
  } catch {
    return 0;
  }
}

/** Linux only; elsewhere no flag is reported. */
function cpuFlags(): string[] {
  try {
    return /^flags\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? [];
  } catch {
    return [];
  }
}
