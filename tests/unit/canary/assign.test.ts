import t from 'tap';
import { assignArm } from '../../../src/canary/assign.js';
import type { Deployment } from '../../../src/contracts/registry.js';

const deployment: Deployment = {
  tenant: 'bank',
  name: 'assistant',
  adapter: 'northwind',
  stableVersion: 1,
  canaryVersion: 2,
  canaryWeight: 0,
  rollout: null,
  instructions: '',
  retrieval: { enabled: true, topK: 3, minScore: 0, budgetTokens: 600 },
  policy: null,
  createdAt: 0,
  updatedAt: 0,
  revision: 1,
};
const none = { canary: null, version: null } as const;

t.test('x-canary always goes to the canary even at weight 0, never to stable even at 100', async (t) => {
  const always = assignArm({ deployment, unit: () => 'u', groups: null, override: { ...none, canary: 'always' } });
  t.match(always, { arm: 'canary', version: 2 });
  const full = { ...deployment, canaryWeight: 100 };
  t.match(assignArm({ deployment: full, unit: () => 'u', groups: null, override: { ...none, canary: 'never' } }), {
    arm: 'stable',
    version: 1,
  });
});

t.test('at weight 0 nobody gets the canary, at 100 everybody does', async (t) => {
  const full = { ...deployment, canaryWeight: 100 };
  const units = Array.from({ length: 1000 }, (_, i) => `u${i}`);
  t.ok(
    units.every((unit) => assignArm({ deployment, unit: () => unit, groups: null, override: none }).arm === 'stable'),
  );
  t.ok(
    units.every(
      (unit) => assignArm({ deployment: full, unit: () => unit, groups: null, override: none }).arm === 'canary',
    ),
  );
});

t.test('without a canary, always is answered by stable and the arm says so', async (t) => {
  const plain = { ...deployment, canaryVersion: null };
  t.match(assignArm({ deployment: plain, unit: () => 'u', groups: null, override: { ...none, canary: 'always' } }), {
    arm: 'stable',
    version: 1,
  });
});

t.test('a pinned version goes before everything else, also when it is the stable one', async (t) => {
  for (const version of [1, 2, 7]) {
    t.match(assignArm({ deployment, unit: () => 'u', groups: null, override: { canary: 'always', version } }), {
      arm: 'pinned',
      version,
    });
  }
});

t.test('a version cannot be pinned where the deployment serves the bare base', async (t) => {
  const bare = { ...deployment, adapter: null, stableVersion: null, canaryVersion: null };
  t.throws(() => assignArm({ deployment: bare, unit: () => 'u', groups: null, override: { ...none, version: 3 } }), {
    code: 'model_not_found',
    message: /assistant@3/,
  });
  t.match(assignArm({ deployment: bare, unit: () => 'u', groups: null, override: none }), {
    arm: 'stable',
    version: null,
  });
});

t.test(
  'a group that the canary is for gets it at weight 0, unless a header says otherwise, and that is told',
  async (t) => {
    const forStaff = { ...deployment, canaryGroups: ['staff', 'beta'] };
    const arm = (groups: readonly string[] | null, override: Parameters<typeof assignArm>[0]['override'] = none) =>
      assignArm({ deployment: forStaff, unit: () => 'u', groups, override });
    t.same(arm(['hr', 'beta']), { arm: 'canary', version: 2, assignedBy: 'group' });
    t.same(arm(['hr']), { arm: 'stable', version: 1, assignedBy: 'weight' });
    t.same(arm(null), { arm: 'stable', version: 1, assignedBy: 'weight' });
    t.same(arm(['beta'], { ...none, canary: 'never' }), { arm: 'stable', version: 1, assignedBy: 'header' });
    t.same(arm(['beta'], { ...none, version: 1 }), { arm: 'pinned', version: 1, assignedBy: 'pin' });
  },
);
