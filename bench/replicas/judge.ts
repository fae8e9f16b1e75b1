/** What of that which clients saw should not have been. */
import { join } from 'node:path';
import { Sqlite } from '../../src/sqlite/open.js';
import { GATEWAYS, SKEW_MS } from './gateways.js';
import type { Answer, Promotion, Sent } from './users.js';

/** Something that was done to gateways, to their database or to the way between. */
export interface Trouble {
  readonly fromMs: number;
  readonly toMs: number;
  /** Gateways that could not answer. */
  readonly dead: readonly number[];
  /** Those that could not reach the database. */
  readonly cut: readonly number[];
}

/** Within which a version that was acknowledged has to be what every gateway that can know answers with. */
const SPREAD_MS = 1000;
/** Until a gateway knows that its database is back: the statement that it waits for, and the next look. */
const NOTICE_MS = 3000;
const WINDOW_MS = 60_000;

/** Whether it may have failed: its gateway was dead, or it needed the database when that was away. */
export function isExplained({ gateway, error, fromMs, toMs }: Sent, troubles: readonly Trouble[]): boolean {
  return troubles.some((trouble) => {
    if (toMs < trouble.fromMs) return false;
    if (trouble.dead.includes(gateway)) return fromMs <= trouble.toMs;
    return trouble.cut.includes(gateway) && error === 'registry_unavailable' && fromMs <= trouble.toMs + NOTICE_MS;
  });
}

/** Answers by a version that was not stable at any moment between a second before the question and the answer. */
export function wrongAnswers(
  answers: readonly Answer[],
  promotions: readonly Promotion[],
  troubles: readonly Trouble[],
) {
  return answers.filter(({ gateway, version, fromMs, toMs }) => {
    if (version === null) return false;
    // A gateway that is apart goes on with what it knows. Where all are cut off nothing changes.
    const isApart = troubles.some(({ cut, ...of }) => {
      const isOne = cut.includes(gateway) && cut.length < GATEWAYS.length;
      return isOne && toMs >= of.fromMs && fromMs <= of.toMs + SPREAD_MS;
    });
    return !isApart && !versionsAt(promotions, fromMs, toMs).includes(version);
  });
}

function versionsAt(promotions: readonly Promotion[], fromMs: number, toMs: number): number[] {
  return promotions.flatMap(({ version, askedMs }, i) => {
    const next = promotions[i + 1];
    const endMs = next === undefined ? Number.POSITIVE_INFINITY : next.acknowledgedMs + SPREAD_MS;
    return askedMs <= toMs && endMs >= fromMs ? [version] : [];
  });
}

/** Tokens, by the moment in which an answer began, of all gateways, by one clock. */
export function mostInAMinute(dataDir: string, limited: readonly Answer[]): number {
  const database = new Sqlite(join(dataDir, 'registry.db'), { readonly: true });
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
