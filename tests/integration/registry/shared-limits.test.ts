/** Limits that several gateways keep together, each by its shares of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import type { Limits } from '../../../src/contracts/quota.js';
import { AppError } from '../../../src/errors/app-error.js';
import { createQuota } from '../../../src/quota/quota.js';
import { startPostgres } from '../../fixtures/postgres/server.js';
import { eventually, openTwo as openTwoOn } from './shared.js';

const server = await startPostgres();
t.teardown(() => server.close());

const KEYS = ['key_1', 'key_2'] as const;
const { signal } = new AbortController();

type Registries = Awaited<ReturnType<typeof openTwoOn>>;
type Quota = ReturnType<typeof createQuota>;

async function openTwo(t: Test, limits: Partial<Limits> = {}) {
  const two = await openTwoOn(t, server);
  if (Object.keys(limits).length > 0) await limit(two, 'bank', limits);
  return two;
}

/** Known at both when it resolves. */
async function limit({ a, b }: Registries, tenant: string, limits: Partial<Limits>) {
  await a.registry.putLimits({ tenant, keyId: null, limits });
  await eventually(
    () => b.registry.getLimits(tenant, null),
    ({ revision }) => revision > 0,
  );
}

const clock = { now: Date.now, monotonicMs: () => performance.now() };

function openQuotas(t: Test, { a, b }: Registries, at = clock): Quota[] {
  const quotas = [a, b].map(({ registry }) => createQuota({ ...registry, requestsPerMinute: 1e6, clock: at }));
  t.teardown(() => Promise.all(quotas.map((quota) => quota.close())));
  return quotas;
}

/** @returns what ends it, or the code of why not */
async function admit(quota: Quota, keyId = 'key_1', tenant = 'bank', computes = true) {
  try {
    return await quota.admit({ tenant, keyId }, { computes, signal });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.code;
  }
}

const isAdmitted = (one: string | (() => void)): one is () => void => typeof one !== 'string';

t.test('a limit holds for all together, and is used up by whichever is asked', async (t) => {
  const two = await openTwo(t);
  const { a, b } = two;
  for (const tenant of ['shop', 'clinic']) await a.registry.createTenant({ id: tenant, name: tenant });
  const limits = { tokensPerMinute: 1000, tokensPerMonth: 1600 };
  for (const tenant of ['bank', 'shop']) await a.registry.putLimits({ tenant, keyId: null, limits });
  await a.registry.putLimits({ tenant: 'clinic', keyId: null, limits: { tokensPerMinute: 100 } });
  await eventually(
    () => b.registry.getLimits('clinic', null),
    ({ revision }) => revision === 1,
  );
  let laterMs = 0;
  const quotas = openQuotas(t, two, { now: Date.now, monotonicMs: () => performance.now() + laterMs });
  /** Answers of 20 tokens, one after the other, until no more may be; how many tokens that came to. */
  const useUp = async (which: number, tenant: string, atMost = Number.POSITIVE_INFINITY) => {
    for (let used = 0; ; used += 20) {
      if (used >= atMost) return { used, code: null };
      const charge = await quotas[which]!.open({ tenant, keyId: 'key_1' }, clock.now());
      try {
        await charge.reserve(20);
      } catch (error) {
        charge.settle(0);
        return { used, code: (error as { code: string }).code };
      }
      charge.settle(20);
    }
  };
  t.same(await useUp(0, 'bank'), { used: 1000, code: 'token_rate_limited' }, 'by one, while the other needs nothing');
  t.same(await useUp(1, 'bank'), { used: 0, code: 'token_rate_limited' });
  laterMs += 62_000;
  const rest = await Promise.all([useUp(0, 'bank'), useUp(1, 'bank')]);
  t.match(rest[0], { code: 'insufficient_quota' });
  const used = rest[0].used + rest[1].used;
  t.ok(used <= 600 && used >= 560, `${used} of what was left of the month`);

  await useUp(1, 'shop', 200);
  let others = 0;
  while (others < 760) {
    others += (await useUp(0, 'shop')).used;
    await sleep(200);
  }
  t.ok(others <= 800, `${others} of what the other did not use`);
  await useUp(0, 'clinic', 40);
  await server.kill();
  t.match((await useUp(0, 'clinic')).code, /token_rate_limited|registry_unavailable/, 'what it has it may use');
  t.match(await useUp(1, 'clinic'), { used: 0, code: 'registry_unavailable' }, 'and no more without the server');
  await server.start();
});

t.test('requests a minute hold for all together, also of those that come at once', async (t) => {
  const two = await openTwo(t, { requestsPerMinute: 60 });
  const quotas = openQuotas(t, two);
  const burst = await Promise.all(Array.from({ length: 50 }, (_, i) => admit(quotas[i % 2]!, 'key_1', 'bank', false)));
  t.equal(burst.filter(isAdmitted).length, 50, 'nobody is refused while there is room');
  const more = [];
  for (let i = 0; i < 30; i++) more.push(await admit(quotas[i % 2]!, 'key_1', 'bank', false));
  t.ok(more.filter(isAdmitted).length <= 10);
  t.ok(more.filter(isAdmitted).length >= 5, `${more.filter(isAdmitted).length} of the last 10`);
  t.same([...new Set(more.filter((one) => !isAdmitted(one)))], ['rate_limited']);
});

t.test('what is computed at once holds for all together; who waits gets what another gateway gives up', async (t) => {
  const two = await openTwo(t, { concurrentRequests: 3, queuedRequests: 2 });
  const quotas = openQuotas(t, two) as [Quota, Quota];
  const first = await Promise.all([admit(quotas[0]), admit(quotas[0]), admit(quotas[0])]);
  t.ok(first.every(isAdmitted), 'all of it by one gateway');
  let isIn = false;
  const waiting = [admit(quotas[1]), admit(quotas[1])].map(async (one) => {
    const end = await one;
    isIn = true;
    return end;
  });
  // They have asked in vain by then.
  await sleep(600);
  t.equal(await admit(quotas[1]), 'too_many_concurrent', 'at the other one nobody begins, and no more may wait');
  t.notOk(isIn);
  (first[0] as () => void)();
  const end = await Promise.race(waiting);
  t.ok(isAdmitted(end), 'it began when another one ended, at the other gateway');
  for (const one of first.slice(1)) (one as () => void)();
  for (const one of await Promise.all(waiting)) {
    t.ok(isAdmitted(one));
    (one as () => void)();
  }
});

/** Of what is under way, one ends; 0: it took nothing. */
const stepsOf = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ at: fc.nat(1), key: fc.nat(1), most: fc.integer({ min: 1, max: 90 }) }) },
    { weight: 1, arbitrary: fc.record({ ends: fc.nat(), share: fc.constantFrom(0, 0.3, 1) }) },
  ),
  { minLength: 20, maxLength: 40 },
);
const limitsOf = fc.record({
  requestsPerMinute: fc.option(fc.integer({ min: 1, max: 20 })),
  tokensPerMinute: fc.option(fc.integer({ min: 50, max: 600 })),
  tokensPerMonth: fc.option(fc.integer({ min: 50, max: 900 })),
  concurrentRequests: fc.option(fc.integer({ min: 1, max: 5 })),
});

t.test('no limit is ever exceeded by all gateways together, whatever comes to which of them', async (t) => {
  const two = await openTwo(t);
  let runs = 0;
  let [admitted, refused] = [0, 0];
  await fc.assert(
    fc.asyncProperty(limitsOf, stepsOf, async (limits, steps) => {
      const tenant = `tenant-${runs++}`;
      await two.a.registry.createTenant({ id: tenant, name: tenant });
      await limit(two, tenant, limits);
      const quotas = [two.a, two.b].map(({ registry }) => createQuota({ ...registry, requestsPerMinute: 1e6, clock }));
      const open: { tokens: number; end(share: number): void }[] = [];
      let [requests, tokens] = [0, 0];
      const isWithin = (what: string, used: number, most: number | null) => {
        if (used > (most ?? Number.POSITIVE_INFINITY)) throw new Error(`${used} ${what}, the limit is ${most}`);
      };
      const check = () => {
        const held = open.reduce((sum, one) => sum + one.tokens, 0);
        isWithin('requests', requests, limits.requestsPerMinute);
        isWithin('tokens of a minute', tokens + held, limits.tokensPerMinute);
        isWithin('tokens of a month', tokens + held, limits.tokensPerMonth);
        isWithin('at once', open.length, limits.concurrentRequests);
      };
      const ask = async (at: number, keyId: string, most: number) => {
        const leave = await admit(quotas[at]!, keyId, tenant);
        if (!isAdmitted(leave)) {
          refused += 1;
          return;
        }
        requests += 1;
        admitted += 1;
        const charge = await quotas[at]!.open({ tenant, keyId }, clock.now());
        const one = {
          tokens: 0,
          end(share: number) {
            const used = Math.floor(share * one.tokens);
            tokens += used;
            charge.settle(used);
            leave();
          },
        };
        open.push(one);
        check();
        try {
          await charge.reserve(most);
          one.tokens = most;
          check();
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          open.splice(open.indexOf(one), 1);
          one.end(0);
        }
      };
      try {
        let together: Promise<void>[] = [];
        for (const step of steps) {
          if ('at' in step) {
            together.push(ask(step.at, KEYS[step.key]!, step.most));
            continue;
          }
          await Promise.all(together);
          together = [];
          const [one] = open.splice(step.ends % Math.max(1, open.length), 1);
          one?.end(step.share);
          check();
        }
        await Promise.all(together);
        check();
      } finally {
        for (const one of open) one.end(0);
        await Promise.all(quotas.map((quota) => quota.close()));
      }
    }),
    { numRuns: 12 },
  );
  t.ok(admitted > 50 && refused > 50, `${admitted} were admitted, ${refused} refused`);
});
