import t from 'tap';
import { createLabelLimit } from '../../../src/metrics/label-limit.js';

function limit(maxValues: number) {
  const overflows: string[] = [];
  const forgotten: string[] = [];
  let nowMs = 0;
  const bound = createLabelLimit({
    maxValues,
    monotonicMs: () => nowMs,
    onOverflow: (label) => overflows.push(label),
    onForgotten: (label, value) => forgotten.push(`${label} ${value}`),
  });
  const labelsOf = (labels: Record<string, string>) => bound(labels).labels;
  const wait = (minutes: number) => {
    nowMs += minutes * 60_000;
  };
  return { bound, labelsOf, wait, overflows, forgotten };
}

t.test('a label whose values are all in use keeps them and calls the rest other', async (t) => {
  const { labelsOf, bound, overflows, forgotten } = limit(2);
  t.same(labelsOf({ tenant: 'a' }), { tenant: 'a' });
  t.same(labelsOf({ tenant: 'b' }), { tenant: 'b' });
  t.same(bound({ tenant: 'c' }), { labels: { tenant: 'other' }, shared: true });
  t.same(labelsOf({ tenant: 'a', deployment: 'c' }), { tenant: 'a', deployment: 'c' }, 'each label has its own limit');
  t.same(overflows, ['tenant']);
  t.same(forgotten, []);
});

t.test('the newest version takes the place of the one that was idle for longest', async (t) => {
  const { labelsOf, wait, overflows, forgotten } = limit(2);
  labelsOf({ adapter: 'support@1' });
  labelsOf({ adapter: 'support@2' });
  wait(11);
  labelsOf({ adapter: 'support@1' });
  t.same(labelsOf({ adapter: 'support@3' }), { adapter: 'support@3' });
  t.same(forgotten, ['adapter support@2']);
  t.same(overflows, []);
  t.same(labelsOf({ adapter: 'support@4' }), { adapter: 'other' }, 'what is in use never gives way');
});

t.test('labels with few values by construction are never cut', async (t) => {
  const { bound, overflows } = limit(1);
  for (const kind of ['prefill', 'decode', 'verify']) t.same(bound({ kind }), { labels: { kind }, shared: false });
  t.same(overflows, []);
});
