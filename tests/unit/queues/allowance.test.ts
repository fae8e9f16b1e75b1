import t from 'tap';
import { Allowance } from '../../../src/queues/allowance.js';

t.test('a burst is within the allowance, and what leaks comes back', async (t) => {
  let nowMs = 0;
  const allowance = new Allowance({ burst: 500, perMs: 0.25 }, () => nowMs);
  t.ok(allowance.isWithin('bank'));
  allowance.spend('bank', 500);
  t.ok(allowance.isWithin('bank'));
  allowance.spend('bank', 100);
  t.notOk(allowance.isWithin('bank'));
  t.ok(allowance.isWithin('copilot'), 'each tenant has its own');
  nowMs += 399;
  t.notOk(allowance.isWithin('bank'));
  nowMs += 1;
  t.ok(allowance.isWithin('bank'));
});

t.test('who used too much for long is forgiven as soon as who did for a moment', async (t) => {
  let nowMs = 0;
  const allowance = new Allowance({ burst: 100, perMs: 1 }, () => nowMs);
  for (let i = 0; i < 1000; i++) allowance.spend('flood', 50);
  nowMs = 99;
  t.notOk(allowance.isWithin('flood'));
  nowMs = 100;
  t.ok(allowance.isWithin('flood'));
});

t.test('tenants that come and go are forgotten, those that use much are not', async (t) => {
  let nowMs = 0;
  const allowance = new Allowance({ burst: 10, perMs: 1 }, () => nowMs);
  for (let i = 0; i < 5000; i++) {
    nowMs += 1;
    allowance.spend('flood', 20);
    allowance.spend(`tenant-${i}`, 1);
  }
  t.notOk(allowance.isWithin('flood'));
  t.ok(allowance.isWithin('tenant-0'));
});
