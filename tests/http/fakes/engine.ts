import { setMaxListeners } from 'node:events';
import type {
  EngineObservation,
  GenerateRequest,
  TextGenerator,
  TokenEvent,
} from '../../../src/contracts/generator.js';
import { AppError } from '../../../src/errors/app-error.js';

export const BASE = 'base-model';
const TIMINGS = { queueMs: 1, prefillMs: 2, decodeMs: 3, firstTokenMs: 3, adapterLoadMs: 0 };

/** Text, or what to do instead of writing it. */
type Step = string | { readonly wait: Promise<unknown> } | { readonly fail: AppError };

export interface FakeEngine extends TextGenerator {
  readonly requests: GenerateRequest[];
  /** Requests that hold a slot. */
  active(): number;
  /** Steps of the answers from now on; one token each. */
  answer(steps: readonly Step[]): void;
  emit(observation: EngineObservation): void;
  ready: boolean;
  /** There is no room for another request. */
  full: boolean;
  /** What it was told to use no more. */
  readonly forgotten: unknown[];
  /** Tokens of every prompt. */
  promptTokens: number;
}

export function createFakeEngine({ contextTokens = 512, supportsInfill = false } = {}): FakeEngine {
  const listeners = new Set<(observation: EngineObservation) => void>();
  let steps: readonly Step[] = ['Hello', ' world'];
  let active = 0;
  const engine: FakeEngine = {
    requests: [],
    forgotten: [],
    ready: true,
    full: false,
    promptTokens: 7,
    model: { id: BASE, baseDigest: 'b'.repeat(64), contextTokens, vocabSize: 1000, supportsInfill },
    active: () => active,
    answer: (next) => {
      steps = next;
    },
    forget: (...what) => engine.forgotten.push(what),
    emit: (observation) => {
      for (const listener of listeners) listener(observation);
    },
    requireRoom() {
      if (engine.full) throw new AppError('queue_full', { limit: '8 requests', retryAfterS: 1 });
    },
    async *generate(request, signal) {
      if (!engine.ready) throw new AppError('engine_unavailable', { reason: 'it is restarting', retryAfterS: 2 });
      await request.reserve?.(engine.promptTokens, request.maxTokens ?? contextTokens - engine.promptTokens);
      engine.requests.push(request);
      active += 1;
      const script = steps;
      setMaxListeners(0, signal);
      const { promptTokens } = engine;
      let completionTokens = 0;
      const finished = (reason: 'stop' | 'length' | 'abort'): TokenEvent => ({
        type: 'finished',
        reason,
        promptTokens,
        completionTokens,
        timings: TIMINGS,
      });
      try {
        yield { type: 'started', promptTokens, cachedTokens: 3 };
        for (const step of script) {
          if (typeof step === 'object' && 'fail' in step) throw step.fail;
          if (typeof step === 'object') await Promise.race([step.wait, aborted(signal)]);
          if (signal.aborted) return yield finished('abort');
          if (typeof step === 'object') continue;
          if (completionTokens === request.maxTokens) return yield finished('length');
          completionTokens += 1;
          const one = { id: 1, token: step, bytes: [...Buffer.from(step)], logprob: -0.5 };
          const top = Array.from({ length: request.topLogprobs ?? 0 }, () => one);
          const logprobs = request.topLogprobs === null ? [] : [{ ...one, top }];
          yield { type: 'delta', text: step, tokenCount: 1, logprobs };
          await new Promise(setImmediate);
        }
        yield finished('stop');
      } finally {
        active -= 1;
      }
    },
    status: () => ({
      ready: engine.ready,
      reason: engine.ready ? null : 'it is restarting',
      slotsTotal: 8,
      slotsInUse: active,
      queued: 0,
      adaptersResident: [],
      rssBytes: 1000,
      passageBytes: { bank: 2000 },
    }),
    observe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: async () => {},
  };
  return engine;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
