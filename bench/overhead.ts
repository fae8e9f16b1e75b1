/**
 * What a gateway adds to an upstream that answers at once: ours through the real upstream engine, beside Portkey's gateway and
 * LiteLLM's proxy. Whoever's turn it is not is stopped. `cpu_ms_…` is the processor time of all its processes a request, which says
 * something on a busy machine too.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { quantile } from './load.js';
import type { BenchOptions } from './main.js';
import { drive, type Load, type Target } from './overhead/drive.js';
import { type GatewayContext, litellm, portkey, type RunningGateway, switchyard } from './overhead/gateways.js';
import { firstTexts, sustained } from './overhead/streams.js';
import { cpuMsOf, freePort, pauseTree, resumeTree, startServer } from './peers/processes.js';

const CALLERS = [1, 16] as const;
const RSS_REQUESTS = 100_000;
/** Before anything is measured: a gateway that has just been started is still compiled, and its slowest answers say how long that takes. */
const WARM_UP_REQUESTS = 4000;

export default async function benchOverhead({ quick, say }: BenchOptions): Promise<Record<string, number>> {
  const workDir = mkdtempSync(join(tmpdir(), 'switchyard-overhead-'));
  const stops: (() => Promise<unknown>)[] = [];
  try {
    const port = await freePort();
    const upstream = `http://127.0.0.1:${port}`;
    const server = join(import.meta.dirname, 'overhead/instant-server.ts');
    const args = ['--import', 'tsx', server, String(port)];
    const logFile = join(workDir, 'upstream.log');
    const instant = await startServer({ command: process.execPath, args, logFile }, `${upstream}/v1/models`, 30_000);
    stops.push(instant.stop);
    const direct: Target = { name: 'the upstream itself', url: upstream, headers: {}, model: 'instant' };
    const gateways = await startAll({ upstream, workDir, say }, stops);

    for (const gateway of gateways) {
      resumeTree(gateway.pid);
      await drive(gateway, 16, WARM_UP_REQUESTS / slownessOf(gateway), 0);
      pauseTree(gateway.pid);
    }
    const loads = new Map<string, (Load & { readonly cpuMs: number })[]>();
    for (let round = 0; round < (quick ? 1 : 5); round++) {
      for (const target of [direct, ...gateways]) {
        if (target.pid !== undefined) resumeTree(target.pid);
        for (const callers of CALLERS) {
          const requests = (quick ? 1000 : 4000 * Math.sqrt(callers)) / slownessOf(target);
          const [measured, warmUp] = [Math.round(requests), Math.round(requests / 4)];
          const usedMs = () => (target.pid === undefined ? 0 : cpuMsOf(target.pid));
          const beforeMs = usedMs();
          const load = await drive(target, callers, measured, warmUp);
          const cpuMs = (usedMs() - beforeMs) / (measured + warmUp);
          const name = `${target.name} ${callers}`;
          loads.set(name, [...(loads.get(name) ?? []), { ...load, cpuMs }]);
          say(
            `${target.name}, ${callers} at once: p50 ${ms(load.p50Ms)}, p99 ${ms(load.p99Ms)}, ${Math.round(load.perSecond)}/s`,
          );
        }
        if (target.pid !== undefined) pauseTree(target.pid);
      }
    }
    const of = (name: string, callers: number, what: keyof Load | 'cpuMs') =>
      quantile(
        loads.get(`${name} ${callers}`)!.map((load) => load[what]),
        0.5,
      );
    const figures: Record<string, number> = {};
    for (const gateway of gateways) {
      const { name } = gateway;
      const suffix = suffixOf(gateway);
      for (const callers of CALLERS) {
        for (const what of ['p50Ms', 'p99Ms'] as const) {
          const added = of(name, callers, what) - of(direct.name, callers, what);
          figures[`added_${what.slice(0, 3)}_ms_${callers}${suffix}`] = round(added, 2);
        }
      }
      for (const callers of CALLERS) figures[`cpu_ms_${callers}${suffix}`] = round(of(name, callers, 'cpuMs'), 2);
      figures[`rps_16${suffix}`] = round(of(name, 16, 'perSecond'), 0);
      if (suffix !== '') {
        figures[`rps_over${suffix}_16`] = round(of('Switchyard', 16, 'perSecond') / of(name, 16, 'perSecond'), 2);
      }
    }
    Object.assign(figures, await streams([direct, ...gateways], quick ? 100 : 1000, say));
    const [ours] = gateways;
    resumeTree(ours!.pid);
    return { ...figures, ...(await growth(ours!, quick ? 4000 : RSS_REQUESTS, say)) };
  } finally {
    for (const stop of stops.reverse()) await stop();
    rmSync(workDir, { recursive: true, force: true });
  }
}

/** Ours first; one that cannot be had here is left out, and why is said. */
async function startAll(context: GatewayContext, stops: (() => Promise<unknown>)[]): Promise<RunningGateway[]> {
  const running: RunningGateway[] = [];
  for (const start of [switchyard, portkey, litellm]) {
    try {
      const gateway = await start(context);
      running.push(gateway);
      stops.push(() => {
        resumeTree(gateway.pid);
        return gateway.stop();
      });
      // Its own threads rest while another one is measured.
      pauseTree(gateway.pid);
    } catch (error) {
      if (start === switchyard) throw error;
      context.say(`${start.name} is left out: ${(error as Error).message}`);
    }
  }
  return running;
}

/** The first text of a stream, over that of the upstream alone, and how many streams go on at once. */
async function streams(targets: readonly Target[], requests: number, say: BenchOptions['say']) {
  const figures: Record<string, number> = {};
  let alone: readonly number[] = [];
  for (const target of targets) {
    if (target.pid !== undefined) resumeTree(target.pid);
    const times = await timesOf(target, requests, say);
    if (times === null) continue;
    const suffix = suffixOf(target);
    if (target.pid === undefined) alone = times;
    else {
      const added = (share: number) => round(quantile(times, share) - quantile(alone, share), 2);
      figures[`added_ttft_p50_ms_1${suffix}`] = added(0.5);
      figures[`added_ttft_p99_ms_1${suffix}`] = added(0.99);
    }
    figures[`streams_sustained${suffix}`] = await sustained(target, say);
    if (target.pid !== undefined) pauseTree(target.pid);
  }
  return figures;
}

/** To the first text, warm; null where a peer gives no streams here, and why is said. */
async function timesOf(target: Target, requests: number, say: BenchOptions['say']): Promise<number[] | null> {
  try {
    await firstTexts(target, requests / 4);
    return await firstTexts(target, requests);
  } catch (error) {
    if (suffixOf(target) === '' || target.pid === undefined) throw error;
    say(`${target.name} is left out of the streams: ${(error as Error).message}`);
    pauseTree(target.pid);
    return null;
  }
}

/** Fewer requests say as much of one that takes ten times as long. */
const slownessOf = ({ name }: Target): number => (name === 'LiteLLM' ? 10 : 1);

/** Of the names of a target's figures. */
function suffixOf({ name, pid }: Target): string {
  if (pid === undefined) return '_alone';
  return name === 'Switchyard' ? '' : `_${name.toLowerCase()}`;
}

/** Resident memory of the gateway's process, half way and at the end. */
async function growth(target: RunningGateway, requests: number, say: BenchOptions['say']) {
  const half = requests / 2;
  await drive(target, 16, half, 0);
  const middleMb = rssMb(target.pid);
  await drive(target, 16, half, 0);
  const endMb = rssMb(target.pid);
  say(`resident after ${half} and ${requests} requests: ${Math.round(middleMb)} and ${Math.round(endMb)} MB`);
  return { rss_mb: round(endMb, 0), rss_growth_mb: round(endMb - middleMb, 1) };
}

function rssMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
}

const ms = (value: number): string => `${value.toFixed(2)} ms`;

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
