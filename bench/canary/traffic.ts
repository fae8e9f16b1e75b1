/** Answers as they came once from the sample gateway, and what would make a version worse, or better. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JudgedAnswer } from '../../src/contracts/rollouts.js';

/** One answer of the sample gateway, as `bench/canary/record.ts` wrote it down. */
export interface Recorded {
  readonly cluster: number | null;
  readonly firstTokenMs: number;
  readonly perTokenMs: number | null;
  readonly groundedness: number | null;
  readonly citationValidity: number | null;
  readonly numbersGrounded: number | null;
  readonly refused: boolean;
  readonly words: number;
}

/** What a worse version does to an answer; a better one is a negative harm. */
export interface Harm {
  /** Added to the share of requests that fail, and of answers that are refusals. */
  readonly errors?: number;
  readonly refusals?: number;
  /** Factor of the time to the first token. */
  readonly slower?: number;
  /** Taken from the groundedness, on average. */
  readonly groundedness?: number;
}

/** Of any version: the sample gateway answered everything. */
const ERRORS = 0.005;
/** Share of answers that are rated, and of ratings that are good. */
const RATED = 0.05;
const GOOD = 0.8;

export function readRecorded(): Recorded[] {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'recorded.json'), 'utf8'));
}

export function answerOf(
  { refused, ...recorded }: Recorded,
  arm: JudgedAnswer['arm'],
  at: number,
  harm: Harm,
  random: () => number,
): JudgedAnswer {
  const fails = random() < ERRORS + (harm.errors ?? 0);
  const refuses = random() < (harm.refusals ?? 0) || refused;
  const { cluster, firstTokenMs, perTokenMs, words } = recorded;
  const of = { arm, pair: null, isShadow: false };
  if (fails) {
    const nothing = { firstTokenMs: null, perTokenMs: null, signals: null, policyHit: null, feedback: null };
    return { ...of, outcome: 'generation_failed', cluster, endedAt: at, ...nothing };
  }
  return {
    ...of,
    outcome: 'completed',
    cluster,
    endedAt: at,
    firstTokenMs: firstTokenMs * (harm.slower ?? 1),
    perTokenMs,
    signals: {
      at: at + 2000,
      groundedness: refuses ? null : lowered(recorded.groundedness, harm.groundedness ?? 0, random),
      citationValidity: refuses ? null : recorded.citationValidity,
      numbersGrounded: refuses ? null : recorded.numbersGrounded,
      refused: refuses,
      words,
    },
    policyHit: null,
    feedback: random() < RATED ? { at: at + 10_000, rating: random() < GOOD ? 'up' : 'down' } : null,
  };
}

/** Some answers lose all of it, or what they lack: hallucinations come whole, and go whole. */
function lowered(value: number | null, by: number, random: () => number): number | null {
  if (value === null || by === 0) return value;
  if (by > 0) return random() < by / MEAN_GROUNDEDNESS ? 0 : value;
  return random() < -by / (1 - MEAN_GROUNDEDNESS) ? 1 : value;
}

const MEAN_GROUNDEDNESS = mean(readRecorded().flatMap(({ groundedness }) => groundedness ?? []));

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
