import t from 'tap';
import { Admission } from '../../../src/upstream/admission.js';

const signal = new AbortController().signal;

t.test('tenants take turns, and batch requests come last', async (t) => {
  const admission = new Admission(() => 1, { served: 1, waiting: 20, bytes: 1000 });
  const order: string[] = [];
  const ask = async (tenant: string, priority: 'interactive' | 'batch') => {
    const ticket = admission.enter({ tenant, priority }, 1);
    await ticket.turn(signal);
    order.push(`${tenant} ${priority}`);
    await new Promise(setImmediate);
    ticket.leave();
  };
  const all = [
    ask('a', 'interactive'),
    ask('a', 'batch'),
    ask('a', 'interactive'),
    ask('a', 'interactive'),
    ask('b', 'interactive'),
  ];
  t.equal(admission.queued, 4);
  await Promise.all(all);
  t.same(order, ['a interactive', 'a interactive', 'b interactive', 'a interactive', 'a batch']);
  t.equal(admission.queued, 0);
});

t.test('who gives up leaves its place to others', async (t) => {
  const admission = new Admission(() => 1, { served: 1, waiting: 4, bytes: 1000 });
  const first = admission.enter({ tenant: 'a', priority: 'interactive' }, 1);
  await first.turn(signal);
  const caller = new AbortController();
  const second = admission.enter({ tenant: 'a', priority: 'interactive' }, 1);
  const given = second.turn(caller.signal);
  caller.abort(new Error('gone'));
  await t.rejects(given, { message: 'gone' });
  second.leave();
  t.equal(admission.queued, 0);
  const third = admission.enter({ tenant: 'a', priority: 'interactive' }, 1);
  first.leave();
  await third.turn(signal);
});
