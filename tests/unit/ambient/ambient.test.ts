import t from 'tap';
import { Ambient } from '../../../src/ambient/ambient.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

t.test('each job finds its own, however it waits, and what is outside finds nothing', async (t) => {
  const ambient = new Ambient<string>();
  const found: (string | undefined)[] = [];
  const job = (name: string, turns: number) =>
    ambient.run(name, async () => {
      for (let i = 0; i < turns; i++) {
        await turn();
        found.push(ambient.get());
      }
      return name;
    });
  const outside = (async () => {
    await turn();
    return ambient.get();
  })();
  t.same(await Promise.all([job('a', 3), job('b', 1), outside]), ['a', 'b', undefined]);
  t.same(found.sort(), ['a', 'a', 'a', 'b'], 'one that ends takes nothing from the other');
  t.equal(ambient.get(), undefined);
});

t.test('a job within a job has its own, a failure is the caller’s, and afterwards it can be used again', async (t) => {
  const ambient = new Ambient<string>();
  await ambient.run('outer', async () => {
    t.equal(await ambient.run('inner', async () => ambient.get()), 'inner');
    await turn();
    t.equal(ambient.get(), 'outer');
  });
  await t.rejects(
    ambient.run('failing', async () => {
      await turn();
      throw new Error(ambient.get());
    }),
    { message: 'failing' },
  );
  t.equal(await ambient.run('again', async () => turn().then(() => ambient.get())), 'again');
});

t.test('what begins only once it is waited for begins inside', async (t) => {
  const ambient = new Ambient<string>();
  const lazy = {
    // biome-ignore lint/suspicious/noThenProperty: as the framework's injected requests are
    then: (resolve: (value: string | undefined) => void) => resolve(ambient.get()),
  };
  t.equal(await ambient.run('inside', () => lazy as PromiseLike<string>), 'inside');
});

t.test('what outlives the last job is in none', async (t) => {
  const ambient = new Ambient<string>();
  let late: Promise<string | undefined> = Promise.resolve(undefined);
  await ambient.run('over', async () => {
    late = turn()
      .then(() => turn())
      .then(() => ambient.get());
  });
  t.equal(await late, undefined);
});
