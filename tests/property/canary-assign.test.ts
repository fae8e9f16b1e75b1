import fc from 'fast-check';
import t from 'tap';
import { assignArm } from '../../src/canary/assign.js';
import type { Deployment } from '../../src/contracts/registry.js';

const at = (canaryWeight: number, name = 'assistant'): Deployment => ({
  tenant: 'bank',
  name,
  adapter: 'northwind',
  stableVersion: 1,
  canaryVersion: 2,
  canaryWeight,
  instructions: '',
  retrieval: { enabled: true, topK: 3, minScore: 0, budgetTokens: 600 },
  policy: null,
  createdAt: 0,
  updatedAt: 0,
  revision: 1,
});
const armOf = (deployment: Deployment, unit: string) =>
  assignArm({ deployment, unit, override: { canary: null, version: null } }).arm;
const weight = fc.double({ min: 0, max: 100, noNaN: true });

t.test('a unit keeps its arm at the same weight, whatever else changes on the deployment', async (t) => {
  const changes = fc.record({
    revision: fc.nat(),
    updatedAt: fc.nat(),
    instructions: fc.string(),
    canaryVersion: fc.nat(),
  });
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(weight, fc.string(), changes, (w, unit, change) => {
        return armOf(at(w), unit) === armOf({ ...at(w), ...change }, unit);
      }),
    ),
  );
});

t.test('raising the weight never moves a unit of the canary back to stable', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(weight, weight, fc.string(), (a, b, unit) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        return armOf(at(low), unit) !== 'canary' || armOf(at(high), unit) === 'canary';
      }),
      { numRuns: 1000 },
    ),
  );
});

t.test('the share of units on the canary is the weight, whatever the units look like', async (t) => {
  // Five standard deviations of a binomial share over 4,000 units: a right hash fails once in two million.
  const units = 4000;
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99 }), fc.string(), (w, prefix) => {
        const canaries = Array.from({ length: units }, (_, i) => armOf(at(w), `${prefix}${i}`)).filter(
          (arm) => arm === 'canary',
        ).length;
        const tolerance = 5 * Math.sqrt((w / 100) * (1 - w / 100) * units);
        return Math.abs(canaries - (w / 100) * units) <= tolerance;
      }),
      { numRuns: 20 },
    ),
  );
});

t.test('two deployments pick their canary users independently', async (t) => {
  const units = Array.from({ length: 4000 }, (_, i) => `user-${i}`);
  const both = units.filter((unit) => armOf(at(50), unit) === 'canary' && armOf(at(50, 'other'), unit) === 'canary');
  t.ok(Math.abs(both.length - 1000) <= 5 * Math.sqrt(0.25 * 0.75 * 4000), `${both.length} of about 1000`);
});
