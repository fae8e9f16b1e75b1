import t from 'tap';
import { giveBack } from '../../../src/files/give-back.js';

const KiB = 1024;

t.test('the memory of bytes is free at once, without a collection of garbage', async (t) => {
  const bytes = Buffer.alloc(4096 * KiB, 'x');
  const before = process.memoryUsage().arrayBuffers;
  giveBack(bytes);
  t.equal(bytes.length, 0);
  t.ok(before - process.memoryUsage().arrayBuffers > 4000 * KiB);
});

t.test('bytes that share their memory with others stay as they are, and so does what is small', async (t) => {
  const whole = Buffer.alloc(64 * KiB, 'x');
  const small = Buffer.alloc(KiB, 'x');
  for (const part of [whole.subarray(1), whole.subarray(0, 32 * KiB), small]) giveBack(part);
  t.equal(whole.toString(), 'x'.repeat(64 * KiB));
  t.equal(small.length, KiB);
});
