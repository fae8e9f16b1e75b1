import t from 'tap';
import type { AdapterRef } from '../../../src/contracts/adapter.js';
import { type AdapterHold, LoraBank } from '../../../src/engine/process/lora-bank.js';

const adapter = (digest: string, name = digest): AdapterRef => ({
  name,
  version: 1,
  digest,
  compiledFile: `/${digest}`,
});

/** A bank whose loads end when the test says so. */
function harness(slots: number) {
  const loads: { digest: string; slot: number; end: (error?: Error) => void }[] = [];
  const settled: AdapterHold[] = [];
  const bank = new LoraBank({
    slots,
    load: ({ digest }, slot) =>
      new Promise((resolve, reject) => {
        loads.push({ digest, slot, end: (error) => (error ? reject(error) : resolve()) });
      }),
    onSettled: (hold) => settled.push(hold),
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const load = async (digest: string) => {
    const hold = bank.acquire(adapter(digest))!;
    await turn();
    loads.find((entry) => entry.digest === digest)!.end();
    await turn();
    return hold;
  };
  return { bank, loads, settled, turn, load };
}

t.test('an adapter is loaded once for all requests that claim it', async (t) => {
  const { bank, loads, turn } = harness(2);
  const first = bank.acquire(adapter('a'))!;
  const second = bank.acquire(adapter('a', 'other-name'))!;
  await turn();
  t.equal(first, second);
  t.equal(loads.length, 1);
  t.equal(first.state, 'loading');
  t.same(bank.residents(), []);
  loads[0]!.end();
  await turn();
  t.equal(first.state, 'ready');
  t.same(bank.residents(), ['a']);
});

t.test('the same name with other content is another adapter', async (t) => {
  const { bank } = harness(2);
  t.not(bank.acquire(adapter('a', 'support'))!.slot, bank.acquire(adapter('b', 'support'))!.slot);
});

t.test('adapters that are held, or still loading, are never replaced', async (t) => {
  const { bank, load, turn } = harness(2);
  await load('a');
  const loading = bank.acquire(adapter('b'))!;
  bank.release(loading);
  await turn();
  t.equal(bank.acquire(adapter('c')), null);
});

t.test('the adapter that was released longest ago makes room', async (t) => {
  const { bank, load } = harness(2);
  const a = await load('a');
  const b = await load('b');
  bank.release(b);
  bank.release(a);
  const c = bank.acquire(adapter('c'))!;
  t.equal(c.slot, b.slot);
  t.same(bank.residents(), ['a']);
});

t.test('one load runs at a time', async (t) => {
  const { bank, loads, turn } = harness(2);
  bank.acquire(adapter('a'));
  bank.acquire(adapter('b'));
  await turn();
  t.same(
    loads.map(({ digest }) => digest),
    ['a'],
  );
  loads[0]!.end();
  await turn();
  t.same(
    loads.map(({ digest }) => digest),
    ['a', 'b'],
  );
});

t.test('a load that fails tells its holders, frees the slot and does not stop the next one', async (t) => {
  const { bank, loads, settled, turn } = harness(1);
  const broken = bank.acquire(adapter('a'))!;
  await turn();
  loads[0]!.end(new Error('wrong digest'));
  await turn();
  t.match(broken, { state: 'failed', reason: 'wrong digest' });
  t.same(settled, [broken]);
  bank.release(broken);
  const next = bank.acquire(adapter('b'))!;
  await turn();
  loads[1]!.end();
  await turn();
  t.match(next, { state: 'ready', slot: 0 });
});
