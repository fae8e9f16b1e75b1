import t from 'tap';
import { loadConfig } from '../../../src/config/load.js';
import { adviseOnDisk, diskNeed } from '../../../src/doctor/disk.js';

const GIB = 2 ** 30;

t.test('what a start may write beside what is kept follows from its settings', async (t) => {
  const dataDir = t.testdir();
  const env = { SWITCHYARD_DATA: dataDir, SWITCHYARD_RETRIEVAL_INDEX_MEMORY_BYTES: String(3 * GIB) };
  const { most, free } = await diskNeed(loadConfig({ env }));
  t.equal(most, 3 * GIB + GIB / 2 + GIB / 16, 'indexes, the largest adapter, logs');
  t.ok(free > 0);
});

t.test('a start on a disk that may get full says so, with both figures', async (t) => {
  const told: string[] = [];
  adviseOnDisk({ most: GIB, free: GIB }, (text) => told.push(text));
  t.same(told, []);
  adviseOnDisk({ most: 2 * GIB, free: GIB }, (text) => told.push(text));
  t.match(told, [/take up to 2\.0 GiB of disk beside what is kept, and 1\.0 GiB are free; "switchyard doctor"/]);
});
