/** Evaluations that were asked for, behind everything that somebody waits for: what was answered is not asked again after a restart. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../contracts/clock.js';
import type { AnswerScore, EvalQuestion, EvaluationRun } from '../contracts/evaluations.js';
import type { Engines } from '../contracts/generator.js';
import type { Registry } from '../contracts/registry.js';
import { AppError } from '../errors/app-error.js';
import type { Lease } from '../jobs/jobs.js';
import { JobRunner, type Working } from '../jobs/runner.js';
import type { Metrics } from '../metrics/metrics.js';
import type { Pipeline } from '../pipeline/types.js';
import { MAX_ANSWER_TOKENS, toAnswer } from './answer.js';
import { scoreAnswer, summarize } from './score.js';

export interface EvaluationWorkerOptions {
  readonly registry: Registry;
  readonly pipeline: Pick<Pipeline, 'tryOut'>;
  readonly engines: Engines;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly onError: (error: unknown, what: string) => void;
}

export interface EvaluationWorker {
  start(): void;
  /** There is one to begin. */
  wake(): void;
  /** Those under way go back to the queue, with what was answered. */
  close(): Promise<void>;
}

/** Evaluations, and questions of one: the engine decodes two rows for little more than one, and more would be felt. */
const RUNS_AT_ONCE = 1;
const QUESTIONS_AT_ONCE = 2;
const MAX_ATTEMPTS = 5;
/** For one question, while the engine has no room or is away. */
const MAX_TRIES = 20;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** How often it is looked whether others wait. */
const LOOK_EVERY_MS = 250;
const FAILURE = { code: 'internal', message: 'Something went wrong on our side.' } as const;

export function createEvaluationWorker(options: EvaluationWorkerOptions): EvaluationWorker {
  const { registry, pipeline, engines, metrics, clock, onError } = options;

  async function work(lease: Lease, working: Working): Promise<void> {
    const found = await registry.findEvaluationRun(lease);
    if (found === null) return registry.finishEvaluationRun(lease, null);
    const { run, questions } = found;
    const scores = new Map(await registry.listEvaluationScores(run.id));
    const waiting = [...questions.keys()].filter((position) => !scores.has(position)).values();
    const stop = new AbortController();
    const signal = AbortSignal.any([working.signal, stop.signal]);
    const runner = async () => {
      for (const position of waiting) {
        working.progress(scores.size / questions.length);
        const { score, text } = await answerOne(run, position, questions[position]!, signal);
        await registry.addEvaluationAnswer(lease, { position, score, text });
        scores.set(position, score);
      }
    };
    const runners = Array.from({ length: QUESTIONS_AT_ONCE }, runner);
    try {
      await Promise.all(runners);
    } finally {
      stop.abort();
      await Promise.allSettled(runners);
    }
    await registry.finishEvaluationRun(lease, figuresOf([...scores.values()], run));
    metrics.add('jobs_ended_total', { kind: 'evaluation', outcome: 'completed' });
  }

  /** @throws the signal's reason, AppError that names the question, or that passes */
  async function answerOne(run: EvaluationRun, position: number, question: EvalQuestion, signal: AbortSignal) {
    const { tenant, adapter, version } = run;
    const count = (outcome: string) =>
      metrics.add('evaluation_answers_total', { tenant, adapter: `${adapter}@${version}`, outcome });
    for (let tries = 1; ; tries++) {
      await whenOthersHaveNoNeed(run, signal);
      try {
        const { text, citations } = await pipeline.tryOut(toRequest(run, question), signal);
        count('completed');
        return { text, score: scoreAnswer(question, toAnswer(text, citations)) };
      } catch (error) {
        signal.throwIfAborted();
        const isPassing = error instanceof AppError && error.spec.retryable;
        if (isPassing && tries < MAX_TRIES) {
          await sleep(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (tries - 1)), undefined, { signal });
          continue;
        }
        count('failed');
        if (isPassing || !(error instanceof AppError)) throw error;
        throw new AppError(
          'invalid_value',
          { param: `questions[${position}]`, reason: error.message },
          { cause: error },
        );
      }
    }
  }

  /** An answer that is begun steps aside in the engine; the next one is not begun while somebody waits there. */
  async function whenOthersHaveNoNeed({ tenant, deployment }: EvaluationRun, signal: AbortSignal): Promise<void> {
    const { engine } = await registry.getDeployment(tenant, deployment);
    const of = engines.of(engine ?? engines.names[0]!);
    while (of.status().queued > 0) await sleep(LOOK_EVERY_MS, undefined, { signal });
    signal.throwIfAborted();
  }

  const runner = new JobRunner({
    ...{ jobs: registry.jobs, kind: 'evaluation', holder: randomUUID(), isAlone: registry.isAlone },
    ...{ atOnce: RUNS_AT_ONCE, maxAttempts: MAX_ATTEMPTS, failure: FAILURE, clock, work, onError },
    onFailed: () => metrics.add('jobs_ended_total', { kind: 'evaluation', outcome: 'failed' }),
  });
  return { start: () => runner.start(), wake: () => runner.wake(), close: () => runner.stop() };
}

/** As `npm run eval` asks: greedily, so that it can be repeated, and alone. */
function toRequest(run: EvaluationRun, { question }: EvalQuestion) {
  const { tenant, deployment, version, startedBy: keyId, retrieval } = run;
  return {
    // Documents that only some groups may see are not shown: it speaks for nobody.
    principal: { tenant, keyId, scopes: ['inference', 'route'] as const, groups: null },
    model: `${deployment}@${version}`,
    override: { canary: null, version: null },
    stickiness: { keyId, firstUserMessage: question },
    messages: [{ role: 'user', content: question }] as const,
    retrieval: retrieval && { ...retrieval, storeIds: [], mode: null, filter: null, diversity: null },
    sampling: { temperature: 0 },
    maxTokens: MAX_ANSWER_TOKENS,
    stop: [],
    topLogprobs: null,
    grammar: null,
  };
}

/** Those of `npm run eval`, but for what could not be counted, and how many questions they are of. */
function figuresOf(scores: readonly AnswerScore[], { retrieval }: EvaluationRun): Record<string, number> {
  const figures = summarize(scores, retrieval?.enabled ?? true);
  const counted = Object.entries(figures).flatMap(([name, value]) =>
    value === null ? [] : [[name, Number(value.toFixed(4))] as const],
  );
  return { questions: scores.length, ...Object.fromEntries(counted) };
}
