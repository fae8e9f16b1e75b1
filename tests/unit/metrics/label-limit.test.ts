import t from 'tap';
import { createLabelLimit } from '../../../src/metrics/label-limit.js';

t.test('a full label keeps what it has and calls the rest other', async (t) => {
  const overflows: string[] = [];
  const bounded = createLabelLimit(2, (label) => overflows.push(label));
  t.same(bounded({ tenant: 'a' }), { tenant: 'a' });
  t.same(bounded({ tenant: 'b' }), { tenant: 'b' });
  t.same(bounded({ tenant: 'c' }), { tenant: 'other' });
  t.same(bounded({ tenant: 'a', deployment: 'c' }), { tenant: 'a', deployment: 'c' }, 'each label has its own limit');
  t.same(overflows, ['tenant']);
});

t.test('labels with few values by construction are never cut', async (t) => {
  const bounded = createLabelLimit(1, () => t.fail('nothing overflows'));
  for (const kind of ['prefill', 'decode', 'verify']) t.same(bounded({ kind }), { kind });
});
