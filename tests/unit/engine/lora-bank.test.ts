import t from 'tap';
import type { AdapterRef } from '../../../src/contracts/adapter.js';
import { LoraBank } from '../../../src/engine/process/lora-bank.js';

const adapter = (digest: string, name = digest): AdapterRef => ({
  name,
  version: 1,
  digest,
  compiledFile: `/${digest}`,
});

/** A bank whose loads end when the test says so. */
function harness(slots: number) {
  const loads: { digest: string; slot: number; end: (error?: Error) => Promise<unknown> }[] = [];
  const settled: [digest: string, failure: string | null][] = [];
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const bank = new LoraBank({
    slots,
    load: ({ digest }, slot) =>
      new Promise((resolve, reject) => {
        const end = (error?: Error) => {
          if (error) reject(error);
          else resolve();
          return turn();
        };
        loads.push({ digest, slot, end });
      }),
    onSettled: (digest, failure) => settled.push([digest, failure]),
  });
  const load = (digest: string, slot: number) => {
    bank.load(adapter(digest), slot);
    return loads.at(-1)!.end();
  };
  return { bank, loads, settled, load };
}

t.test('an adapter is there as soon as its load begins, and ready when it ended', async (t) => {
  const { bank, loads, settled } = harness(2);
  t.same(bank.residents, [null, null]);
  bank.load(adapter('a'), 1);
  t.match(bank.residents, [null, { slot: 1, digest: 'a', state: 'loading', holders: 0 }]);
  t.notOk(bank.isReady('a'));
  t.match(loads, [{ digest: 'a', slot: 1 }]);
  await loads[0]!.end();
  t.match(bank.residents, [null, { slot: 1, digest: 'a', state: 'ready', holders: 0 }]);
  t.ok(bank.isReady('a'));
  t.same(settled, [['a', null]]);
});

t.test('the same name with other content is another adapter', async (t) => {
  const { bank, loads } = harness(2);
  bank.load(adapter('a', 'support'), 0);
  await loads[0]!.end();
  t.notOk(bank.isReady('b'));
  bank.load(adapter('b', 'support'), 1);
  await loads[1]!.end();
  t.equal(bank.acquire('a').slot, 0);
  t.equal(bank.acquire('b').slot, 1);
});

t.test('what lay in a slot is forgotten once another adapter is loaded into it', async (t) => {
  const { bank, loads, load } = harness(1);
  await load('a', 0);
  bank.load(adapter('b'), 0);
  t.notOk(bank.isReady('a'), 'at once: its weights may be overwritten any time now');
  await loads[1]!.end();
  t.match(bank.residents, [{ digest: 'b', state: 'ready' }]);
});

t.test('claims are counted, and a released adapter was used later than those released before', async (t) => {
  const { bank, load } = harness(2);
  await load('a', 0);
  await load('b', 1);
  const first = bank.acquire('a');
  const second = bank.acquire('a');
  const other = bank.acquire('b');
  t.match(first, { slot: 0, digest: 'a' });
  t.equal(bank.residents[0]!.holders, 2);
  bank.release(first);
  bank.release(other);
  t.equal(bank.residents[0]!.holders, 1);
  t.ok(bank.residents[0]!.usedAt < bank.residents[1]!.usedAt);
  bank.release(second);
  t.match(bank.residents, [{ holders: 0 }, { holders: 0 }]);
  t.ok(bank.residents[0]!.usedAt > bank.residents[1]!.usedAt);
});

t.test('loads run side by side, each into its slot', async (t) => {
  const { bank, loads } = harness(2);
  bank.load(adapter('a'), 0);
  bank.load(adapter('b'), 1);
  await loads[1]!.end();
  t.same([bank.isReady('a'), bank.isReady('b')], [false, true]);
  await loads[0]!.end();
  t.same([bank.isReady('a'), bank.isReady('b')], [true, true]);
});

t.test('a load that fails says why and leaves its slot empty for the next', async (t) => {
  const { bank, loads, settled, load } = harness(1);
  bank.load(adapter('a'), 0);
  await loads[0]!.end(new Error('wrong digest'));
  t.same(settled, [['a', 'wrong digest']]);
  t.same(bank.residents, [null]);
  t.notOk(bank.isReady('a'));
  await load('b', 0);
  t.ok(bank.isReady('b'));
});
