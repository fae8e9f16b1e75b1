import t from 'tap';
import { backupName, seriesOf, surplus, timeOf } from '../../../src/backup/series.js';

const at = Date.UTC(2026, 10, 27, 4, 5, 6);

t.test('a name tells when, and nothing else is taken for a backup', async (t) => {
  t.equal(backupName(at + 789), 'switchyard-2026-11-27T04-05-06Z');
  t.equal(timeOf(backupName(at)), at);
  for (const other of ['switchyard-2026-11-27', `${backupName(at)}.partial-1-ab`, 'before', `x${backupName(at)}`]) {
    t.equal(timeOf(other), null, other);
  }
});

t.test('the oldest go, and only those of the series', async (t) => {
  const names = [3, 1, 2].map((day) => backupName(at + day * 86_400_000));
  t.same(seriesOf([...names, 'mine', names[0]!]), [names[1], names[2], names[0]]);
  t.same(surplus([...names, 'mine'], 2), [names[1]]);
  t.same(surplus(names, 3), []);
});
