import fc from 'fast-check';
import t from 'tap';
import { assignArm } from '../../src/canary/assign.js';
import { stickyUnit } from '../../src/canary/sticky-unit.js';
import type { Deployment } from '../../src/contracts/registry.js';
import { plan } from '../fixtures/experiments.js';

const at = (canaryWeight: number, name = 'assistant'): Deployment => ({
  tenant: 'bank',
  name,
  adapter: 'northwind',
  stableVersion: 1,
  canaryVersion: 2,
  canaryWeight,
  rollout: null,
  instructions: '',
  retrieval: { enabled: true, topK: 3, minScore: 0, budgetTokens: 600 },
  policy: null,
  createdAt: 0,
  updatedAt: 0,
  revision: 1,
});
const armOf = (deployment: Deployment, unit: string) =>
  assignArm({ deployment, unit: () => unit, groups: null, override: { canary: null, version: null } }).arm;
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

t.test('of 100,000 units the weight is reached within one point, whatever they look like', async (t) => {
  const shareOf = (w: number, unitOf: (n: number) => string) => {
    let canaries = 0;
    for (let n = 0; n < 100_000; n++) if (armOf(at(w), unitOf(n)) === 'canary') canaries++;
    return canaries / 1000;
  };
  for (const w of [1, 5, 25, 50]) {
    t.ok(Math.abs(shareOf(w, (n) => `user-${n}`) - w) < 1, `${w} % of users`);
    // One key for everybody, and nothing that tells them apart but what they ask.
    const anonymous = (n: number) => stickyUnit({ keyId: 'key_1', firstUserMessage: `Question ${n}` });
    t.ok(Math.abs(shareOf(w, anonymous) - w) < 1, `${w} % of questions`);
  }
});

t.test('two deployments pick their canary users independently', async (t) => {
  const units = Array.from({ length: 4000 }, (_, i) => `user-${i}`);
  const both = units.filter((unit) => armOf(at(50), unit) === 'canary' && armOf(at(50, 'other'), unit) === 'canary');
  t.ok(Math.abs(both.length - 1000) <= 5 * Math.sqrt(0.25 * 0.75 * 4000), `${both.length} of about 1000`);
});

const inExperiment = (weights: readonly number[], startedAt = 0): Deployment => ({
  ...at(0),
  canaryVersion: null,
  experiment: { ...plan({ arms: weights.map((weight, i) => ({ name: `arm-${i}`, weight })) }), startedAt },
});

t.test('a unit keeps its arm in an experiment, and of 100,000 each arm has its weight within one point', async (t) => {
  const weights = [10, 20, 70];
  const counts = new Map<string, number>();
  for (let n = 0; n < 100_000; n++) {
    const arm = armOf(inExperiment(weights), `user-${n}`);
    counts.set(arm, (counts.get(arm) ?? 0) + 1);
  }
  weights.forEach((weight, i) => {
    const share = counts.get(`arm-${i}`)! / 1000;
    t.ok(Math.abs(share - weight) < 1, `${share} % of ${weight} %`);
  });
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.string(), fc.nat(), (unit, revision) => {
        return armOf(inExperiment(weights), unit) === armOf({ ...inExperiment(weights), revision }, unit);
      }),
    ),
  );
});

t.test('an experiment has its arms from no rollout and from no experiment before it', async (t) => {
  const units = Array.from({ length: 4000 }, (_, i) => `user-${i}`);
  const inFirst = (deployment: Deployment) => (unit: string) => armOf(deployment, unit) === 'arm-0';
  const now = inFirst(inExperiment([50, 50], 1));
  const before = inFirst(inExperiment([50, 50], 2));
  const canary = (unit: string) => armOf(at(50), unit) === 'canary';
  for (const other of [before, canary]) {
    const both = units.filter((unit) => now(unit) && other(unit)).length;
    t.ok(Math.abs(both - 1000) <= 5 * Math.sqrt(0.25 * 0.75 * 4000), `${both} of about 1000`);
  }
});
