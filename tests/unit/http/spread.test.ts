import { setImmediate } from 'node:timers/promises';
import t from 'tap';
import { spread } from '../../../src/http/plugins/spread.js';

const KiB = 1024;
const CHUNK = Buffer.alloc(64 * KiB, 'x');
const nowMs = () => performance.now();

t.test('the beginning of a large body passes at once, the rest evenly, and all of it comes', async (t) => {
  const body = spread(1000 * KiB, 0, nowMs);
  let passed = 0;
  body.on('data', (chunk: Buffer) => {
    passed += chunk.length;
  });
  const ended = new Promise((resolve) => body.once('end', resolve));
  for (let n = 0; n < 64; n++) body.write(CHUNK);
  body.end();
  await setImmediate();
  t.ok(passed >= 4 * CHUNK.length && passed < 64 * CHUNK.length, `${passed} of ${64 * CHUNK.length} at first`);
  await ended;
  t.equal(passed, 64 * CHUNK.length);
});

t.test('a body that is given up is not waited for', async (t) => {
  const body = spread(1, 0, nowMs);
  body.resume();
  for (let n = 0; n < 8; n++) body.write(CHUNK);
  await setImmediate();
  const before = process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
  body.on('error', () => {});
  body.destroy(new Error('gone'));
  await setImmediate();
  t.equal(process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length, before - 1);
});

t.test('the largest body has passed within five seconds, whatever the pace', async (t) => {
  const clock = { ms: 0 };
  const body = spread(1, 5000 * CHUNK.length, () => clock.ms);
  let passed = 0;
  body.on('data', (chunk: Buffer) => {
    passed += chunk.length;
  });
  for (let n = 0; n < 40; n++) {
    body.write(CHUNK);
    clock.ms += 1;
    await setImmediate();
  }
  t.equal(passed, 40 * CHUNK.length, 'a chunk a millisecond, as much as that takes');
});
