import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { calibrationOf } from '../../../src/engine/process/calibration-file.js';

const CALIBRATION = {
  threads: 2,
  profile: { answers: [[1, 2.5] as const], prompts: [[1, 2] as const], attendedMs: 0.001 },
};
const measured = (threads = 2, disturbed = false) => ({ calibration: { ...CALIBRATION, threads }, disturbed });
const never = () => {
  throw new Error('measured again');
};

t.test('what was measured once holds for the next start, under the same key alone', async (t) => {
  const file = path.join(t.testdir(), 'data', 'calibration.json');
  t.match(
    calibrationOf(file, 'this machine', () => measured()),
    { threads: 2, origin: 'measured' },
  );
  t.match(calibrationOf(file, 'this machine', never), { ...CALIBRATION, origin: 'kept' });
  t.match(
    calibrationOf(file, 'another', () => measured(7)),
    { threads: 7, origin: 'measured' },
  );
  t.match(calibrationOf(file, 'this machine', never), { threads: 2 });
  t.match(calibrationOf(file, 'another', never), { threads: 7 });
});

t.test('what was measured while others held the processors serves this start alone', async (t) => {
  const file = path.join(t.testdir(), 'calibration.json');
  const busy = calibrationOf(file, 'k', () => measured(1, true));
  t.match(busy, { threads: 1, origin: 'disturbed' });
  t.match(
    calibrationOf(file, 'k', () => measured()),
    { threads: 2, origin: 'measured' },
  );
  t.match(calibrationOf(file, 'k', never), { threads: 2, origin: 'kept' });
});

t.test('a file that is damaged or of another form is measured over', async (t) => {
  const file = path.join(t.testdir(), 'calibration.json');
  for (const text of [
    '',
    '{',
    '{}',
    '[{"key":"k","threads":0}]',
    '[{"key":"k","threads":1,"profile":{"answers":[]}}]',
  ]) {
    writeFileSync(file, text);
    t.match(
      calibrationOf(file, 'k', () => measured()),
      { threads: 2, origin: 'measured' },
    );
    t.match(calibrationOf(file, 'k', never), { threads: 2, origin: 'kept' });
  }
});

t.test('a folder that cannot be written costs the next start its measurement', async (t) => {
  const file = path.join(t.testdir({ data: 'a file' }), 'data', 'calibration.json');
  t.match(
    calibrationOf(file, 'k', () => measured()),
    { threads: 2, origin: 'measured' },
  );
  t.throws(() => calibrationOf(file, 'k', never), /measured again/);
});

t.test('the latest are kept', async (t) => {
  const file = path.join(t.testdir(), 'calibration.json');
  for (let i = 0; i < 40; i++) calibrationOf(file, `machine ${i}`, () => measured());
  t.ok(JSON.parse(readFileSync(file, 'utf8')).length <= 16);
  t.match(calibrationOf(file, 'machine 39', never), { origin: 'kept' });
});
