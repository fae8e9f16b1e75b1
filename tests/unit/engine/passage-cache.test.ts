import t from 'tap';
import { PassageCache, passageKey } from '../../../src/engine/process/passage-cache.js';

const ROOT = { tenant: 'bank', audience: '', adapter: 'a1' };
const [INSTRUCTIONS, OWN] = [Int32Array.of(1, 2), Int32Array.of(3, 4, 5)];

const of = (tenant: string, adapter: string | null = null) => ({ tenant, adapter });

t.test('a passage is found again by nothing but all that it depends on, and who may see it', async (t) => {
  const key = passageKey(ROOT, INSTRUCTIONS, 0, OWN);
  t.equal(passageKey({ ...ROOT }, Int32Array.of(1, 2), 0, Int32Array.of(3, 4, 5)), key);
  const others = [
    passageKey({ ...ROOT, tenant: 'copilot' }, INSTRUCTIONS, 0, OWN),
    passageKey({ ...ROOT, audience: 'hr' }, INSTRUCTIONS, 0, OWN),
    passageKey({ ...ROOT, adapter: 'a2' }, INSTRUCTIONS, 0, OWN),
    passageKey({ ...ROOT, adapter: null }, INSTRUCTIONS, 0, OWN),
    passageKey(ROOT, Int32Array.of(1), 0, Int32Array.of(2, 3, 4, 5)),
    passageKey(ROOT, Int32Array.of(12), 0, OWN),
    passageKey(ROOT, INSTRUCTIONS, 96, OWN),
    passageKey(ROOT, INSTRUCTIONS, 0, Int32Array.of(3, 4)),
  ];
  t.equal(new Set([key, ...others]).size, 9);
});

t.test('places are given out once, and come back from what is worth least', async (t) => {
  const cache = new PassageCache(8);
  const [a, b] = [cache.insert('a', of('x'), 3), cache.insert('b', of('x'), 3)];
  t.equal(new Set([...a!.places, ...b!.places]).size, 6);
  t.same([...cache.used], [['x', 6]]);
  t.same(cache.find('a'), a);
  const c = cache.insert('c', of('x'), 4)!;
  t.notOk(cache.has('b'), 'used once, when it came');
  t.same(cache.find('a')?.places, a!.places);
  t.equal(new Set([...a!.places, ...c.places]).size, 7);
  t.equal(cache.find('b'), null);
});

t.test('what was used much in the past gives way to what is used now', async (t) => {
  const cache = new PassageCache(4);
  cache.insert('old', of('x'), 2);
  for (let i = 0; i < 5; i++) cache.find('old');
  for (let i = 0; i < 8; i++) cache.insert(`new ${i}`, of('x'), 2);
  t.notOk(cache.has('old'));
});

t.test("one tenant's flood takes no other's share", async (t) => {
  const cache = new PassageCache(16);
  cache.insert('mine', of('small'), 2);
  for (let i = 0; i < 40; i++) cache.insert(`flood ${i}`, of('large'), 3);
  t.ok(cache.has('mine'));
});

t.test('a passage that would take the shares of others is not kept', async (t) => {
  const cache = new PassageCache(8);
  cache.insert('a', of('x'), 3);
  t.equal(cache.insert('long', of('x'), 8), null);
  t.ok(cache.has('a'));
  t.equal(new PassageCache(0).insert('a', of('x'), 1), null);
});

t.test('what a tenant has kept is given up, of one adapter or of all', async (t) => {
  const cache = new PassageCache(8);
  for (const key of ['a1', 'a2', 'none']) cache.insert(key, of('x', key === 'none' ? null : key), 2);
  cache.insert('other', of('y', 'a1'), 2);
  const known = () => ['a1', 'a2', 'none', 'other'].filter((key) => cache.has(key));
  cache.forget('x', 'a1');
  t.same(known(), ['a2', 'none', 'other']);
  cache.forget('x');
  t.same(known(), ['other']);
  t.same([...cache.used], [['y', 2]]);
  t.equal(new Set(cache.insert('new', of('x'), 6)!.places).size, 6, 'their places are free');
  t.ok(cache.has('other'));
});
