/**
 * Everything at once for half an hour: chats with and without passages, adapters that change places, a canary that is let through and
 * taken back, documents that come and go, callers who hang up, do not read or do not finish their headers. For the first sixth of the
 * time processes are killed, the disk is full and the clock jumps. Then it is left in peace, and what its processes take must not grow.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchOptions } from './main.js';
import { CallError } from './soak/client.js';
import { faultKinds, inflict } from './soak/faults.js';
import { type SoakGateway, withSoakGateway } from './soak/gateway.js';
import { type GatewayPart, partsOf } from './soak/processes.js';
import { type Call, countErrors, type Fault, isExplained, medianSlope, p99Drift } from './soak/tally.js';
import { createBurst, createUsers, type User } from './soak/users.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Of the whole: with faults, and then until processes that were started anew have filled what they keep: ten minutes of thirty. */
const FAULTS_SHARE = 1 / 6;
const WARM_UP_SHARE = 1 / 3;
const SAMPLE_MS = 5000;
const BETWEEN_FAULTS_MS = 8000;
/** Of the gateway's own log. */
const SHOWN_ERRORS = 8;
/** Calls whose latency is compared. */
const TIMED = ['chat', 'rag', 'swap'];

interface Sample {
  readonly atMs: number;
  readonly parts: readonly GatewayPart[];
}

export default function benchSoak({ quick, say }: BenchOptions): Promise<Record<string, number>> {
  return withSoakGateway((gateway) => soak(gateway, (quick ? 3 : 30) * MINUTE_MS, say));
}

async function soak(gateway: SoakGateway, lengthMs: number, say: (line: string) => void) {
  const startMs = performance.now();
  const endMs = startMs + lengthMs;
  const peaceMs = startMs + lengthMs * FAULTS_SHARE;
  const warmMs = peaceMs + lengthMs * WARM_UP_SHARE;
  const calls: Call[] = [];
  const faults: Fault[] = [];
  const samples: Sample[] = [];
  const isOver = () => performance.now() >= endMs;

  const using = createUsers(gateway.url, gateway.tenants).map((user) => use(user, calls, isOver, say));
  const harming = (async () => {
    const kinds = faultKinds(gateway);
    say(`faults: ${kinds.join(', ')}`);
    while (performance.now() < peaceMs) {
      const fault = await inflict(kinds[faults.length % kinds.length]!, gateway);
      faults.push(fault);
      say(`${fault.kind}: ready again after ${((fault.toMs - fault.fromMs) / 1000).toFixed(1)} s`);
      await sleep(BETWEEN_FAULTS_MS);
    }
    await Promise.all(createBurst(gateway.tenants).map((user) => callOnce(user, calls, new Set(), say)));
  })();
  const watching = (async () => {
    while (!isOver()) {
      samples.push({ atMs: performance.now(), parts: partsOf(gateway.pid) });
      if (samples.length % 12 === 0) say(`${calls.length} requests; ${describe(samples.at(-1)!)}`);
      await sleep(SAMPLE_MS);
    }
  })();
  await Promise.all([...using, harming, watching]);

  for (const { user, error, explained, unexplained } of countErrors(calls, faults)) {
    say(`${user}: ${error}: ${explained} explained, ${unexplained} not`);
  }
  for (const line of gateway.errors().slice(0, SHOWN_ERRORS)) say(line.slice(0, 1000));
  const calm = samples.filter(({ atMs }) => atMs >= warmMs);
  for (const part of new Set(calm.flatMap(({ parts }) => parts.map((one) => one.part)))) {
    say(`${part}: ${slopeOf(calm, part).toFixed(1)} MB/h from ${Math.round(totalOf(calm[0]!, 'rssMb', part))} MB`);
  }
  const rssMb = totalOf(calm[0]!, 'rssMb');
  const slope = slopeOf(calm);
  const failed = calls.filter(({ error }) => error !== null);
  const unexplained = failed.filter((call) => !isExplained(call, faults)).length;
  return {
    minutes: Math.round((performance.now() - startMs) / MINUTE_MS),
    requests: calls.length,
    faults: faults.length,
    explained_errors: failed.length - unexplained,
    unexplained_errors: unexplained,
    rss_mb: Math.round(rssMb),
    rss_slope_mb_per_h: Number(slope.toFixed(1)),
    rss_slope_percent_per_h: Number(((slope / rssMb) * 100).toFixed(2)),
    handles_growth: totalOf(calm.at(-1)!, 'handles') - totalOf(calm[0]!, 'handles'),
    p99_drift: Number(
      p99Drift(
        calls.filter(({ user }) => TIMED.includes(user)),
        warmMs,
        endMs,
      ).toFixed(2),
    ),
  };
}

/** Until the end; what it meets is noted. */
async function use(user: User, calls: Call[], isOver: () => boolean, say: (line: string) => void) {
  const told = new Set<string>();
  while (!isOver()) {
    await callOnce(user, calls, told, say);
    await sleep(user.pauseMs);
  }
}

/** @param told errors that have been said */
async function callOnce(
  { name, act }: Pick<User, 'name' | 'act'>,
  calls: Call[],
  told: Set<string>,
  say: (line: string) => void,
) {
  const startMs = performance.now();
  let error: string | null = null;
  try {
    await act();
  } catch (thrown) {
    if (!(thrown instanceof CallError)) throw thrown;
    error = thrown.code;
    if (!told.has(error)) say(`${name}: ${thrown.message.slice(0, 300)}`);
    told.add(error);
  }
  calls.push({ user: name, startMs, endMs: performance.now(), error });
}

/** Of all parts, or of one, which may have several processes. Parsers come and go with the documents. */
function totalOf({ parts }: Sample, what: 'rssMb' | 'handles', part?: string): number {
  return parts.filter((one) => part === undefined || one.part === part).reduce((sum, one) => sum + one[what], 0);
}

function slopeOf(samples: readonly Sample[], part?: string): number {
  return medianSlope(samples.map((sample) => [sample.atMs / HOUR_MS, totalOf(sample, 'rssMb', part)]));
}

function describe(sample: Sample): string {
  const names = [...new Set(sample.parts.map(({ part }) => part))];
  const each = names.map((part) => `${part} ${Math.round(totalOf(sample, 'rssMb', part))}`);
  return `${each.join(', ')} MB; ${totalOf(sample, 'handles')} handles`;
}
