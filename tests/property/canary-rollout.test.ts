import fc from 'fast-check';
import t from 'tap';
import { AppError } from '../../src/errors/app-error.js';
import { promoted, type Rollout, rolledBack, withCanary, withStable } from '../../src/registry/rollout.js';

const version = fc.integer({ min: 1, max: 4 });
const change = fc.oneof(
  fc
    .record({ adapter: fc.constantFrom('a', 'b'), stableVersion: fc.option(version) })
    .map((to) => (r: Rollout) => withStable(r, to)),
  fc.constant((r: Rollout) => withStable(r, { adapter: null, stableVersion: null })),
  fc
    .record({ version, weight: fc.double({ min: 0, max: 100, noNaN: true }) })
    .map((to) => (r: Rollout) => withCanary(r, to)),
  fc.constant((r: Rollout) => promoted(r, 'assistant')),
  fc.constant((r: Rollout) => rolledBack(r, 'assistant')),
);
const start = withStable(null, { adapter: 'a', stableVersion: 1 });

/** A refused change leaves everything as it was; anything but a refusal is a bug. */
function apply(rollout: Rollout, to: (current: Rollout) => Rollout): Rollout {
  try {
    return to(rollout);
  } catch (error) {
    if (error instanceof AppError) return rollout;
    throw error;
  }
}

t.test('whatever is done in whatever order, a rollout stays consistent', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const { adapter, stableVersion, canaryVersion, canaryWeight } = changes.reduce(apply, start);
        return (
          (canaryVersion !== null || canaryWeight === 0) &&
          (canaryVersion === null || canaryVersion !== stableVersion) &&
          (adapter !== null || (stableVersion === null && canaryVersion === null))
        );
      }),
      { numRuns: 500 },
    ),
  );
});

t.test('a rollback right after a promotion brings the old stable version back', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const before = changes.reduce(apply, start);
        if (before.canaryVersion === null) return true;
        const after = rolledBack(promoted(before, 'assistant'), 'assistant');
        return after.stableVersion === before.stableVersion && after.canaryVersion === null && after.previous === null;
      }),
      { numRuns: 500 },
    ),
  );
});
