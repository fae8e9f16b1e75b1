import t from 'tap';
import { createApart } from '../../../../src/retrieval/process/apart.js';

/** Jobs that end when they are told to, and what began so far. */
function jobs() {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const job = (name: string) => () =>
    new Promise<string>((resolve) => {
      begun.push(name);
      ends.set(name, () => resolve(name));
    });
  return { begun, job, end: (name: string) => ends.get(name)!() };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

t.test('as many jobs run at once as there are threads, the tenants in turns', async (t) => {
  const { begun, job, end } = jobs();
  const apart = createApart(2);
  const all = ['a1', 'a2', 'a3', 'a4', 'b1'].map((name) => apart.run(name[0]!, job(name)));
  t.same(begun, ['a1', 'a2']);
  end('a2');
  await turn();
  t.same(begun, ['a1', 'a2', 'a3']);
  end('a1');
  await turn();
  t.same(begun, ['a1', 'a2', 'a3', 'b1'], 'the other tenant has waited for no more than one job');
  end('a3');
  await turn();
  t.same(begun, ['a1', 'a2', 'a3', 'b1', 'a4']);
  end('b1');
  end('a4');
  t.same(await Promise.all(all), ['a1', 'a2', 'a3', 'a4', 'b1']);
});

t.test('a job that fails, even before it waits for anything, makes room for the next', async (t) => {
  const apart = createApart(1);
  const failed = [
    apart.run('a', () => {
      throw new Error('at once');
    }),
    apart.run('a', () => Promise.reject(new Error('later'))),
  ];
  await t.rejects(failed[0]!, /at once/);
  await t.rejects(failed[1]!, /later/);
  t.equal(await apart.run('a', async () => 'done'), 'done');
});

t.test('what waits when the signal comes does not begin', async (t) => {
  const { begun, job, end } = jobs();
  const apart = createApart(1);
  const controller = new AbortController();
  const runs = ['a1', 'a2'].map((name) => apart.run('a', job(name), controller.signal));
  controller.abort();
  end('a1');
  t.equal(await runs[0], 'a1');
  await t.rejects(runs[1]!, { name: 'AbortError' });
  t.same(begun, ['a1']);
});
