/**
 * Three gateways with a real model over one real PostgreSQL, under load: versions change, keys are made and a limit is pushed against at all
 * of them, while one is killed, the server is killed, and a network drops what one of them and the server say to each other. One clock is
 * two seconds ahead.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Sqlite } from '../src/sqlite/open.js';
import type { BenchOptions } from './main.js';
import { GATEWAYS, type Gateways, SKEW_MS, startGateways, TOKENS_A_MINUTE } from './replicas/gateways.js';
import { type Answer, ask, type Promotion, promote, unknownKeys, type Writes, write } from './replicas/users.js';

const WINDOW_MS = 60_000;
/** Within which a version that was acknowledged has to be what every gateway that can know answers with. */
const SPREAD_MS = 1000;
/** Codes of what a limit refuses. */
const LIMITS = ['token_rate_limited', 'rate_limited'];

export default async function benchReplicas({ quick, say }: BenchOptions): Promise<Record<string, number>> {
  const gateways = await startGateways();
  try {
    return await measure(gateways, quick ? 4 : 15, say);
  } finally {
    await gateways.close();
  }
}

async function measure(gateways: Gateways, changes: number, say: (line: string) => void) {
  const answers: Answer[] = [];
  const limited: Answer[] = [];
  const writes: Writes = { keys: [], refused: 0 };
  const promotions: Promotion[] = [{ version: 1, askedMs: 0, acknowledgedMs: 0, spreadMs: 0 }];
  let isEnd = false;
  const isOver = () => isEnd;
  const using = GATEWAYS.flatMap((gateway) => [
    ask(gateways, gateway, gateways.keys.free, answers, isOver),
    ask(gateways, gateway, gateways.keys.limited, limited, isOver),
    write(gateways, gateway, writes, isOver),
  ]);
  const change = async (at: number, among: readonly number[] = GATEWAYS) => {
    const done = await promote(gateways, at, (promotions.length % 2) + 1, among);
    if (done !== null) promotions.push(done);
    return done !== null;
  };
  const during = async (what: string, begin: () => Promise<unknown>, end: () => Promise<unknown>) => {
    const fromMs = Date.now();
    await begin();
    await sleep(4000);
    await end();
    say(`${what} for ${((Date.now() - fromMs) / 1000).toFixed(1)} s`);
    while (!(await change(0))) await sleep(200);
    return { fromMs, toMs: Date.now() };
  };

  for (let i = 0; i < changes; i++) await change(i % 3);
  const killed = await during(
    'a gateway was killed',
    () => gateways.kill(1),
    () => gateways.start(1),
  );
  for (let i = 0; i < changes; i++) await change(i % 3);
  const away = await during(
    'PostgreSQL was killed',
    () => gateways.postgres.kill(),
    () => gateways.postgres.start(),
  );
  for (let i = 0; i < changes; i++) await change(i % 3);
  const apart = await during(
    'one gateway was apart',
    async () => {
      gateways.proxy.drop(true);
      await sleep(500);
      await change(0, [0, 1]);
    },
    async () => gateways.proxy.drop(false),
  );
  for (let i = 0; i < changes; i++) await change(i % 3);
  isEnd = true;
  await Promise.all(using);
  await sleep(2000);

  let lostWrites = 0;
  for (const gateway of GATEWAYS) lostWrites += await unknownKeys(gateways, gateway, writes.keys);
  const within = ({ fromMs, toMs }: Answer, time: { fromMs: number; toMs: number }) =>
    toMs >= time.fromMs && fromMs <= time.toMs;
  const isExplained = (answer: Answer) => answer.gateway === 1 && within(answer, killed);
  const failed = [...answers, ...limited].filter(
    (answer) => answer.error !== null && !LIMITS.includes(answer.error) && !isExplained(answer),
  );
  for (const { gateway, error, fromMs } of failed.slice(0, 5))
    say(`gateway ${gateway}, at ${fromMs - killed.fromMs} ms: ${error}`);
  // A gateway that is apart goes on with what it knows.
  const known = answers.filter((answer) => answer.version !== null && !(answer.gateway === 2 && within(answer, apart)));
  const wrong = known.filter((answer) => !versionsAt(promotions, answer).includes(answer.version!));
  const spreads = promotions.slice(1).map(({ spreadMs }) => spreadMs);
  say(
    `${answers.length} answers, ${limited.length} of the limited tenant, ${writes.keys.length} keys, ${spreads.length} changes`,
  );
  return {
    answers: answers.length,
    changes: spreads.length,
    lost_writes: lostWrites,
    refused_writes: writes.refused,
    wrong_version_answers: wrong.length,
    errors_unexplained: failed.length,
    errors_while_away: failed.filter((answer) => within(answer, away)).length,
    overshoot_tokens: Math.max(0, mostInAMinute(gateways, limited) - TOKENS_A_MINUTE),
    most_tokens_in_a_minute: mostInAMinute(gateways, limited),
    spread_ms_p50: spreads.sort((a, b) => a - b)[Math.floor(spreads.length / 2)]!,
    spread_ms_max: spreads.at(-1)!,
  };
}

/** That may answer: stable at some moment between a second before the question and the answer. */
function versionsAt(promotions: readonly Promotion[], { fromMs, toMs }: Answer): number[] {
  return promotions.flatMap(({ version, askedMs }, i) => {
    const next = promotions[i + 1];
    const endMs = next === undefined ? Number.POSITIVE_INFINITY : next.acknowledgedMs + SPREAD_MS;
    return askedMs <= toMs && endMs >= fromMs ? [version] : [];
  });
}

/** By the moment in which an answer began, of all gateways, by one clock. */
function mostInAMinute({ dataDirs }: Gateways, limited: readonly Answer[]): number {
  const database = new Sqlite(join(dataDirs[0]!, 'registry.db'), { readonly: true });
  const sql = `SELECT id, created_at AS atMs, prompt_tokens + completion_tokens AS tokens FROM answers WHERE tenant = 'limited'`;
  const rows = database.prepare(sql).all() as { id: string; atMs: number; tokens: number }[];
  database.close();
  const gatewayOf = new Map(limited.map(({ id, gateway }) => [id, gateway]));
  const used = rows
    .map(({ id, atMs, tokens }) => ({ tokens, atMs: gatewayOf.get(id) === 2 ? atMs - SKEW_MS : atMs }))
    .sort((a, b) => a.atMs - b.atMs);
  let [most, sum, first] = [0, 0, 0];
  for (const { atMs, tokens } of used) {
    sum += tokens;
    while (used[first]!.atMs <= atMs - WINDOW_MS) sum -= used[first++]!.tokens;
    most = Math.max(most, sum);
  }
  return most;
}
