import fc from 'fast-check';
import t from 'tap';
import type { RolloutEventType, Served } from '../../src/contracts/rollouts.js';
import { AppError } from '../../src/errors/app-error.js';
import {
  changed,
  experimentEnded,
  experimentStarted,
  promoted,
  rolledBack,
  started,
  type Transition,
  withCanary,
  withStable,
} from '../../src/registry/rollout.js';
import { plan } from '../fixtures/experiments.js';

interface State {
  readonly served: Served;
  readonly last: RolloutEventType | null;
}
type Change = (state: State) => Transition;

const PLAN = { steps: [5, 50, 100], leastAnswers: 10, leastMs: 0, provenFrom: 50, metrics: {} };
const version = fc.integer({ min: 1, max: 4 });
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ adapter: fc.constantFrom('a', 'b'), stableVersion: fc.option(version) }).map(
    (to): Change =>
      ({ served }) =>
        withStable(served, to),
  ),
  fc.constant<Change>(({ served }) => withStable(served, { adapter: null, stableVersion: null })),
  fc.record({ version, weight: fc.double({ min: 0, max: 100, noNaN: true }) }).map(
    (to): Change =>
      ({ served }) =>
        withCanary(served, to),
  ),
  version.map(
    (version): Change =>
      ({ served }) =>
        started(served, { version, plan: PLAN }, 0),
  ),
  fc.constantFrom('advance' as const, 'pause' as const, 'resume' as const).map(
    (what): Change =>
      ({ served }) =>
        changed(served, what, 'assistant', 1),
  ),
  fc.option(version, { nil: undefined }).map(
    (version): Change =>
      ({ served }) =>
        experimentStarted(
          served,
          plan({
            arms: [
              { name: 'one', weight: 50, version },
              { name: 'two', weight: 50 },
            ],
          }),
          0,
        ),
  ),
  fc.constant<Change>(({ served, last }) => experimentEnded(served, last, 'assistant')),
  fc.constant<Change>(({ served, last }) => promoted(served, last, 'assistant')),
  fc.constant<Change>(({ served, last }) => rolledBack(served, last, 'assistant')),
);
const changes = fc.array(change, { maxLength: 30 });
const start: State = { ...withStable(null, { adapter: 'a', stableVersion: 1 }), last: 'deployed' };

/** A refused change leaves everything as it was; anything but a refusal is a bug. */
function apply(state: State, to: Change): State {
  try {
    const { type, served } = to(state);
    return { served, last: type ?? state.last };
  } catch (error) {
    if (error instanceof AppError) return state;
    throw error;
  }
}

t.test('whatever is done in whatever order, what is served stays consistent', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(changes, (changes) => {
        const { served } = changes.reduce(apply, start);
        const { adapter, stableVersion, canaryVersion, canaryWeight, rollout, experiment } = served;
        return (
          (experiment === null || canaryVersion === null) &&
          (canaryVersion !== null || (canaryWeight === 0 && rollout === null)) &&
          (canaryVersion === null || canaryVersion !== stableVersion) &&
          (adapter !== null || (stableVersion === null && canaryVersion === null)) &&
          (rollout === null || canaryWeight === rollout.steps[rollout.step])
        );
      }),
      { numRuns: 1000 },
    ),
  );
});

t.test('a rollback right after a promotion brings the old stable version back', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(changes, (changes) => {
        const before = changes.reduce(apply, start);
        if (before.served.canaryVersion === null) return true;
        const promotion = promoted(before.served, before.last, 'assistant');
        const { served } = rolledBack(promotion.served, promotion.type, 'assistant');
        return (
          served.stableVersion === before.served.stableVersion &&
          served.canaryVersion === null &&
          served.previous === null
        );
      }),
      { numRuns: 500 },
    ),
  );
});

t.test('a promotion or a rollback that is said again does nothing more', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(changes, fc.constantFrom(promoted, rolledBack), (changes, act) => {
        const before = changes.reduce(apply, start);
        const once = apply(before, ({ served, last }) => act(served, last, 'assistant'));
        if (once === before) return true;
        const twice = apply(once, ({ served, last }) => act(served, last, 'assistant'));
        return twice.served === once.served;
      }),
      { numRuns: 500 },
    ),
  );
});
