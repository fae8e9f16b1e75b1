import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import type { Charge, Limits } from '../../src/contracts/quota.js';
import { AppError } from '../../src/errors/app-error.js';
import { createQuota } from '../../src/quota/quota.js';

const WINDOW_MS = 60_000;
const KEYS = ['a', 'b'] as const;

const limitsOf = fc.record({
  requestsPerMinute: fc.option(fc.integer({ min: 1, max: 12 })),
  tokensPerMinute: fc.option(fc.integer({ min: 0, max: 200 })),
  tokensPerMonth: fc.option(fc.integer({ min: 0, max: 600 })),
  concurrentRequests: fc.option(fc.integer({ min: 1, max: 3 })),
  queuedRequests: fc.constant(null),
});
/** Of what is under way, one ends, and took a share of the most that it might have; 0: it was aborted, or failed. */
const stepsOf = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constant('ask' as const),
      key: fc.constantFrom(...KEYS),
      most: fc.integer({ min: 1, max: 90 }),
    }),
    fc.record({
      do: fc.constant('ask' as const),
      key: fc.constantFrom(...KEYS),
      most: fc.integer({ min: 1, max: 90 }),
    }),
    fc.record({ do: fc.constant('end' as const), which: fc.nat(), share: fc.constantFrom(0, 0.3, 1) }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 30_000 }) }),
  ),
  { maxLength: 60 },
);

interface Answer {
  readonly key: string;
  readonly atMs: number;
  tokens: number;
}

t.test('no limit of a tenant or a key is ever exceeded, whatever comes, ends, fails and waits in between', async () => {
  await fc.assert(
    fc.asyncProperty(limitsOf, limitsOf, limitsOf, stepsOf, async (tenant, a, b, steps) => {
      const keys: Record<string, Limits> = { a, b };
      // In the middle of a second, so that the window's parts begin nowhere near the steps.
      let nowMs = 400;
      const clock = { now: () => Date.UTC(2026, 10, 3) + nowMs, monotonicMs: () => nowMs };
      const quota = createQuota({
        limitsOf: async ({ keyId }) => ({
          tenant: { ...tenant, storedBytes: null, storedPassages: null },
          key: keys[keyId]!,
        }),
        pastUse: async () => ({ answers: 0, tokens: 0, monthTokens: 0 }),
        requestsPerMinute: 1000,
        clock,
      });
      const open: { answer: Answer; most: number; charge: Charge; leave: () => void }[] = [];
      const answers: Answer[] = [];
      const requests: Answer[] = [];
      const own = <T extends Answer>(all: readonly T[], key: string | null) =>
        all.filter((one) => key === null || one.key === key);
      const subjects = [
        [null, tenant],
        ['a', a],
        ['b', b],
      ] as const;
      const check = () => {
        for (const [key, limits] of subjects) {
          const within = (all: readonly Answer[]) => own(all, key).filter(({ atMs }) => atMs > nowMs - WINDOW_MS);
          const tokens = (all: readonly Answer[]) => all.reduce((sum, one) => sum + one.tokens, 0);
          const running = open.filter(({ answer }) => key === null || answer.key === key).length;
          assert(within(requests).length <= (limits.requestsPerMinute ?? 1e9), 'requests');
          assert(tokens(within(answers)) <= (limits.tokensPerMinute ?? 1e9), 'tokens of a minute');
          assert(tokens(own(answers, key)) <= (limits.tokensPerMonth ?? 1e9), 'tokens of the month');
          assert(running <= (limits.concurrentRequests ?? 1e9), 'at once');
        }
      };
      const ask = async (key: string, most: number) => {
        const caller = { tenant: 'bank', keyId: key };
        const request = { key, atMs: nowMs, tokens: 1 };
        const leave = await quota.admit(caller, { computes: true, signal: new AbortController().signal });
        requests.push(request);
        const charge = await quota.open(caller, clock.now());
        try {
          await charge.reserve(most);
        } catch (error) {
          charge.settle(0);
          leave();
          throw error;
        }
        // Until its end it counts with all that it may take.
        const answer = { key, atMs: nowMs, tokens: most };
        answers.push(answer);
        open.push({ answer, most, charge, leave });
      };
      let together: Promise<unknown>[] = [];
      const settle = async () => {
        for (const result of await Promise.allSettled(together)) {
          if (result.status === 'rejected' && !(result.reason instanceof AppError)) throw result.reason;
        }
        together = [];
        check();
      };
      for (const step of steps) {
        // What is asked in a row is asked at once, interleaved at every await.
        if (step.do === 'ask') together.push(ask(step.key, step.most));
        else await settle();
        if (step.do === 'wait') nowMs += step.ms;
        if (step.do === 'end' && open.length > 0) {
          const [{ answer, most, charge, leave }] = open.splice(step.which % open.length, 1) as [(typeof open)[number]];
          answer.tokens = Math.floor(most * step.share);
          charge.settle(answer.tokens);
          leave();
          leave();
          check();
        }
      }
      await settle();

      // Nothing is kept back for ever: once all is over and a minute has passed, what fits alone is let in.
      for (const { answer, charge, leave } of open.splice(0)) {
        answer.tokens = 0;
        charge.settle(0);
        leave();
      }
      nowMs += WINDOW_MS + 1000;
      const spent = (key: string | null) => own(answers, key).reduce((sum, { tokens }) => sum + tokens, 0);
      const room = (limits: Limits, key: string | null) =>
        Math.min(limits.tokensPerMinute ?? 1e9, (limits.tokensPerMonth ?? 1e9) - spent(key));
      const most = Math.min(room(tenant, null), room(a, 'a'));
      if (most >= 1) await ask('a', most);
      check();
    }),
    { numRuns: 300 },
  );
});

t.test('the time to come back is exact: not let in before, let in then', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ most: fc.integer({ min: 1, max: 50 }), waitMs: fc.integer({ min: 0, max: 9000 }) }), {
        minLength: 1,
        maxLength: 20,
      }),
      fc.integer({ min: 1, max: 50 }),
      async (before, most) => {
        let nowMs = 0;
        const quota = createQuota({
          limitsOf: async () => ({
            tenant: {
              requestsPerMinute: null,
              tokensPerMinute: 50,
              tokensPerMonth: null,
              concurrentRequests: null,
              queuedRequests: null,
              storedBytes: null,
              storedPassages: null,
            },
            key: {
              requestsPerMinute: null,
              tokensPerMinute: null,
              tokensPerMonth: null,
              concurrentRequests: null,
              queuedRequests: null,
            },
          }),
          pastUse: async () => ({ answers: 0, tokens: 0, monthTokens: 0 }),
          requestsPerMinute: 1000,
          clock: { now: () => nowMs, monotonicMs: () => nowMs },
        });
        const reserve = async (tokens: number): Promise<AppError | null> => {
          const charge = await quota.open({ tenant: 'bank', keyId: 'a' }, nowMs);
          try {
            await charge.reserve(tokens);
            charge.settle(tokens);
            return null;
          } catch (error) {
            charge.settle(0);
            return error as AppError;
          }
        };
        for (const step of before) {
          await reserve(step.most);
          nowMs += step.waitMs;
        }
        const refused = await reserve(most);
        if (refused === null) return;
        const backMs = nowMs + Number(refused.params.retryAfterS) * 1000;
        nowMs = backMs - 1000;
        if (Number(refused.params.retryAfterS) > 1) assert.notEqual(await reserve(most), null, 'not yet');
        nowMs = backMs;
        assert.equal(await reserve(most), null);
      },
    ),
    { numRuns: 200 },
  );
});
