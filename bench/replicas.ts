/**
 * Three gateways with a real model over one real PostgreSQL, under load: versions change, keys are made and a limit is pushed against at all
 * of them, while one is killed, the server is killed and started again, the server is killed for good and the one that followed it takes
 * over, and a network drops what one gateway and the server say to each other. One clock is two seconds ahead.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestsOf } from '../src/postgres/table-digests.js';
import { describe, rowsOf } from '../src/registry/shared/rows.js';
import { Sqlite } from '../src/sqlite/open.js';
import type { BenchOptions } from './main.js';
import { GATEWAYS, type Gateways, startGateways, TOKENS_A_MINUTE } from './replicas/gateways.js';
import { isExplained, mostInAMinute, type Trouble, wrongAnswers } from './replicas/judge.js';
import { inTime, until } from './replicas/until.js';
import {
  type Answer,
  ask,
  askBehind,
  type Promotion,
  promote,
  unanswered,
  unknownKeys,
  type Write,
  write,
} from './replicas/users.js';

/** Codes of what a limit refuses. */
const LIMITS = ['token_rate_limited', 'rate_limited'];
/** How long a trouble lasts before it is ended. */
const TROUBLE_MS = 4000;
const REPAIR_MS = 120_000;
const CHANGE_MS = 30_000;
const END_MS = 60_000;
/** Answers behind their requests, at a gateway that dies; a lease of theirs is half a minute. */
const JOBS = 3;
const JOBS_MS = 150_000;
const AGREE_MS = 10_000;
/** Errors that are told. */
const MOST_SAID = 12;

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
  const writes: Write[] = [];
  const promotions: Promotion[] = [{ version: 1, askedMs: 0, acknowledgedMs: 0, spreadMs: 0 }];
  const troubles: Trouble[] = [];
  let isEnd = false;
  const isOver = () => isEnd;
  const using = GATEWAYS.flatMap((gateway) => [
    ask(gateways, gateway, gateways.keys.free, answers, isOver),
    ask(gateways, gateway, gateways.keys.limited, limited, isOver),
    write(gateways, gateway, writes, isOver),
  ]);
  /** When a change was asked for first that is not acknowledged yet: it may have been made all the same. */
  let unknownSinceMs: number | null = null;
  const change = async (at: number, among: readonly number[] = GATEWAYS) => {
    const askedMs = unknownSinceMs ?? Date.now();
    const done = await promote(gateways, at, (promotions.length % 2) + 1, among);
    unknownSinceMs = done === null ? askedMs : null;
    if (done !== null) promotions.push({ ...done, askedMs });
    return done;
  };
  const changeAll = async () => {
    for (let i = 0; i < changes; i++) await change(i % 3);
  };
  const during = async (
    what: string,
    who: Pick<Trouble, 'dead' | 'cut'>,
    begin: () => Promise<unknown>,
    end: () => Promise<unknown>,
  ) => {
    const fromMs = Date.now();
    await begin();
    const others = GATEWAYS.filter((gateway) => !who.dead.includes(gateway) && !who.cut.includes(gateway));
    if (others.length > 0) {
      const made = () => change(others[0]!, others);
      await until(`a change while ${what}`, CHANGE_MS, made, 200);
    }
    await sleep(TROUBLE_MS);
    await inTime(`the end of: ${what}`, REPAIR_MS, end());
    const toMs = Date.now();
    troubles.push({ ...who, fromMs, toMs });
    await until(`a change after ${what}`, CHANGE_MS, () => change(0), 200);
    say(`${what} for ${seconds(toMs - fromMs)}, and all agreed after another ${seconds(Date.now() - toMs)}`);
  };

  let jobs: string[] = [];
  let jobsDone: Promise<number> = Promise.resolve(0);
  try {
    await changeAll();
    await during(
      'a gateway was dead',
      { dead: [1], cut: [] },
      async () => {
        jobs = await askBehind(gateways, 1, JOBS);
        await gateways.kill(1);
        const fromMs = Date.now();
        const look = async () => ((await unanswered(gateways, 0, jobs)).length === 0 ? Date.now() - fromMs : null);
        jobsDone = until('the answers behind requests', JOBS_MS, look, 500);
        jobsDone.catch(() => {});
      },
      () => gateways.start(1),
    );
    await changeAll();
    await during(
      'PostgreSQL was down',
      { dead: [], cut: GATEWAYS },
      () => gateways.postgres.kill(),
      () => gateways.postgres.start(),
    );
    await changeAll();
    await during(
      'PostgreSQL failed over',
      { dead: [], cut: GATEWAYS },
      () => gateways.postgres.kill(),
      async () => {
        await gateways.standby.promote();
        gateways.address.point(gateways.standbyUrl);
      },
    );
    await changeAll();
    await during(
      'one gateway was apart',
      { dead: [], cut: [2] },
      async () => gateways.network.drop(true),
      async () => gateways.network.drop(false),
    );
    await changeAll();
  } finally {
    isEnd = true;
  }
  await inTime('the last answers', END_MS, Promise.all(using));
  const jobsMs = await jobsDone.catch(() => Number.NaN);

  const secrets = writes.flatMap(({ secret }) => secret ?? []);
  let lostWrites = 0;
  for (const gateway of GATEWAYS) lostWrites += await unknownKeys(gateways, gateway, secrets);
  const failed = [...answers, ...limited, ...writes].filter(({ error }) => error !== null && !LIMITS.includes(error));
  const unexplained = failed.filter((one) => !isExplained(one, troubles));
  const startMs = answers[0]!.fromMs;
  // Chat of a tenant without limits needs nothing that may be away.
  const deaths = troubles.map((trouble) => ({ ...trouble, cut: [] }));
  const chats = answers.filter((answer) => answer.error !== null && !isExplained(answer, deaths));
  for (const { gateway, error, reason, fromMs } of [...unexplained, ...chats].slice(0, MOST_SAID))
    say(`gateway ${gateway}, ${seconds(fromMs - startMs)} after the start: ${error}: ${reason}`);
  const spreads = promotions.slice(1).map(({ spreadMs }) => spreadMs);
  const agreed = until(
    'the copies of the registry agree',
    AGREE_MS,
    async () => (await copiesThatDiffer(gateways)) === 0 || null,
    500,
  );
  await agreed.catch((error: Error) => say(error.message));
  const differing = await copiesThatDiffer(gateways);
  const most = mostInAMinute(gateways.dataDirs[0]!, limited);
  say(`${answers.length} answers, ${limited.length} of the limited tenant, ${secrets.length} keys`);
  return {
    answers: answers.length,
    changes: spreads.length,
    writes: secrets.length,
    lost_writes: lostWrites,
    copies_that_differ: differing,
    jobs: jobs.length,
    lost_jobs: (await unanswered(gateways, 0, jobs)).length,
    jobs_done_ms: jobsMs,
    wrong_version_answers: wrongAnswers(answers, promotions, troubles).length,
    errors: failed.length,
    errors_of_chat: chats.length,
    errors_unexplained: unexplained.length,
    overshoot_tokens: Math.max(0, most - TOKENS_A_MINUTE),
    most_tokens_in_a_minute: most,
    spread_ms_p50: spreads.sort((a, b) => a - b)[Math.floor(spreads.length / 2)]!,
    spread_ms_max: spreads.at(-1)!,
  };
}

/** Of the registries in the data folders, those that do not come to what the first one is. */
async function copiesThatDiffer({ dataDirs }: Gateways): Promise<number> {
  const [first, ...others] = await Promise.all(dataDirs.map(readCopy));
  return others.filter((other) => other !== first).length;
}

async function readCopy(dataDir: string): Promise<string> {
  const database = new Sqlite(join(dataDir, 'registry.db'), { readonly: true });
  try {
    const tables = await digestsOf(rowsOf(database, describe(database).tables));
    // Leases are taken again and again, as long as a gateway lives.
    return JSON.stringify(tables.filter(({ table }) => table !== 'leases'));
  } finally {
    database.close();
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
