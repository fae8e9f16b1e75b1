/**
 * Copies of answers that nobody sees: the canary answers what the stable version has just answered, from the same prompt, so that the
 * two can be compared (docs/decisions/0067). They come last: behind everything that somebody waits for, and gone where somebody does.
 */
import { createHash, randomUUID } from 'node:crypto';
import { AppError } from '../errors/app-error.js';
import { withDeadline } from './deadline.js';
import { generateRound, type Round } from './generate-round.js';
import { keepAnswer, type Tally } from './record.js';
import { resolveShadow } from './resolve.js';
import type { WaitForRoom } from './room.js';
import { endOf, finish, ground, openTally } from './tally.js';
import type { ChatRequest, CompletionRequest, PipelineServices, Prepared, Route } from './types.js';

/** `dropped`: there was no room, or the canary is no longer that version. */
type Outcome = 'completed' | 'failed' | 'dropped';

/**
 * Has the canary answer a question again that the stable version has just answered, behind everything that somebody waits for. Never
 * throws, never waits. @returns whether it is being answered: where nothing is to be, or there is no room, it is not
 */
type CopyAnswer = (
  request: ChatRequest | CompletionRequest,
  seen: Tally,
  ended: { readonly prepared: Prepared; readonly reason: Round['reason'] },
) => boolean;

/** What an answer needs on its way. */
export interface RunServices extends PipelineServices {
  readonly copy: CopyAnswer;
  readonly waitForRoom: WaitForRoom;
}

export interface Shadows {
  readonly copy: CopyAnswer;
  /** Ends those that are under way. */
  close(): Promise<void>;
}

export function createShadows(services: PipelineServices): Shadows {
  const { engines, metrics, maxShadows, requestTimeoutMs } = services;
  const running = new Set<Promise<void>>();
  const closing = new AbortController();
  const hasRoom = ({ engine }: Route) => !closing.signal.aborted && engines.of(engine).status().queued === 0;

  async function run(request: ChatRequest | CompletionRequest, seen: Tally, prepared: Prepared): Promise<Outcome> {
    const route = await resolveShadow(services, seen.tenant, seen.route);
    if (route === null) return 'dropped';
    const prefix = prepared.prompt.kind === 'chat' ? 'chatcmpl' : 'cmpl';
    const id = `${prefix}-${randomUUID().replaceAll('-', '')}`;
    const tally = openTally(services, request, route, id, services.clock.monotonicMs());
    tally.pair = seen.id;
    tally.prepared = prepared;
    const limited = withDeadline(closing.signal, requestTimeoutMs);
    try {
      for await (const _ of answer(request, tally, prepared, limited.signal)) if (!hasRoom(route)) return 'dropped';
    } catch (error) {
      if (closing.signal.aborted) return 'dropped';
      const cause = limited.signal.aborted ? limited.signal.reason : error;
      tally.outcome = cause instanceof AppError ? cause.code : 'internal';
    } finally {
      limited.release();
    }
    await keepAnswer(services, tally);
    return tally.outcome === 'completed' ? 'completed' : 'failed';
  }

  async function* answer(
    request: ChatRequest | CompletionRequest,
    tally: Tally,
    prepared: Prepared,
    signal: AbortSignal,
  ) {
    const { prompt, maxTokensYields } = prepared;
    // Nobody asked for it, so nobody pays for it.
    const reserve = async () => {};
    const asked = {
      ...{ prompt, toolUse: null, maxTokens: request.maxTokens, maxTokensYields, search: null },
      ...{ reserve, onPromptRead: () => {} },
    };
    const behind = { ...request, priority: 'batch', topLogprobs: null } as const;
    const said = yield* generateRound(services, behind, tally, asked, signal);
    finish(tally, endOf(tally, said, ground(tally.text, prepared, null)), services);
  }

  return {
    copy(request, seen, { prepared, reason }) {
      const { shadow, deployment } = seen.route;
      const isWhole = reason === 'stop' || reason === 'length';
      // What functions were asked for would be asked for again.
      if (shadow === null || !isWhole || prepared.toolUse !== null || !isDrawn(seen.id, shadow.weight)) return false;
      const count = (outcome: Outcome) =>
        metrics.add('shadow_answers_total', { tenant: seen.tenant, deployment, adapter: shadow.adapter, outcome });
      if (!hasRoom(seen.route) || running.size >= maxShadows) {
        count('dropped');
        return false;
      }
      const job = new Promise<void>((resolve) => setImmediate(resolve))
        .then(() => run(request, seen, prepared))
        .catch((): Outcome => 'failed')
        .then(count);
      running.add(job);
      void job.finally(() => running.delete(job));
      return true;
    },

    async close() {
      closing.abort();
      await Promise.all(running);
    },
  };
}

/** By the answer's id alone, as its texts are kept or not: where some are, those come first that have a copy to be compared with. */
function isDrawn(answerId: string, weight: number): boolean {
  return (createHash('sha256').update(answerId).digest().readUInt32BE(0) / 2 ** 32) * 100 < weight;
}
