import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import { oneBehind } from '../../../src/queues/one-behind.js';

t.test('one runs, one waits for all who ask meanwhile, and a failure is told to its own alone', async (t) => {
  const begun: PromiseWithResolvers[] = [];
  const { run, settled } = oneBehind(() => {
    const one = resolvers();
    begun.push(one);
    return one.promise;
  });
  const first = run();
  t.equal(begun.length, 1, 'at once');
  const second = run();
  t.not(second, first);
  t.equal(run(), second);
  t.equal(begun.length, 1, 'one at a time');
  begun[0]!.reject(new Error('full'));
  await t.rejects(first, { message: 'full' });
  await turn();
  t.equal(begun.length, 2);
  const third = run();
  t.not(third, second);
  const isSettled = settled();
  begun[1]!.resolve();
  await Promise.all([second, isSettled]);
  await turn();
  begun[2]!.resolve();
  await third;
  t.equal(begun.length, 3);
});

interface PromiseWithResolvers {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

function resolvers(): PromiseWithResolvers {
  let resolve = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<void>((done, fail) => {
    resolve = done;
    reject = fail;
  });
  return { promise, resolve, reject };
}
