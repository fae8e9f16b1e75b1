import t from 'tap';
import { BLOCK_TOKENS, PrefixCache, type PrefixRoot } from '../../../src/engine/process/prefix-cache.js';

const ROOT: PrefixRoot = { tenant: 'bank', audience: '', adapter: null };

/** Blocks of one letter each, and a token more that no block holds. */
const prompt = (blocks: string) =>
  Int32Array.from(
    [...blocks].flatMap((letter) => new Array<number>(BLOCK_TOKENS).fill(letter.charCodeAt(0))).concat(0),
  );

function keep(cache: PrefixCache, blocks: string, root: PrefixRoot = ROOT) {
  return cache.insert(root, prompt(blocks), blocks.length * BLOCK_TOKENS).map(({ block }) => blocks[block]);
}
const known = (cache: PrefixCache, blocks: string, root: PrefixRoot = ROOT) =>
  cache.match(root, prompt(blocks)).places.length;

t.test('what was kept of one prompt is found for another that begins alike', async (t) => {
  const cache = new PrefixCache(8);
  t.same(cache.insert(ROOT, prompt('abc'), 3 * BLOCK_TOKENS), [
    { block: 0, place: 0 },
    { block: 1, place: 1 },
    { block: 2, place: 2 },
  ]);
  t.same(cache.match(ROOT, prompt('abx')).places, [0, 1]);
  t.same(keep(cache, 'abx'), ['x'], 'only what is new must be copied');
});

t.test('another root shares nothing', async (t) => {
  const cache = new PrefixCache(8);
  keep(cache, 'ab', { ...ROOT, adapter: '1' });
  t.equal(known(cache, 'ab', { ...ROOT, adapter: '2' }), 0);
  t.same(keep(cache, 'ab', { ...ROOT, adapter: '2' }), ['a', 'b']);
  t.equal(known(cache, 'ab', { ...ROOT, adapter: '1', audience: 'hr' }), 0);
});

t.test('the same block after another beginning is another block', async (t) => {
  const cache = new PrefixCache(8);
  keep(cache, 'ab');
  t.equal(known(cache, 'b'), 0);
  t.equal(known(cache, 'bb'), 0);
});

t.test('a prompt is never found whole: its last token is computed', async (t) => {
  const cache = new PrefixCache(8);
  keep(cache, 'ab');
  t.equal(cache.match(ROOT, prompt('ab').subarray(0, 2 * BLOCK_TOKENS)).places.length, 1);
  t.equal(cache.match(ROOT, prompt('ab').subarray(0, 2 * BLOCK_TOKENS + 1)).places.length, 2);
});

t.test('only whole blocks among the computed tokens are kept', async (t) => {
  const cache = new PrefixCache(8);
  t.equal(cache.insert(ROOT, prompt('abc'), 2 * BLOCK_TOKENS - 1).length, 1);
});

t.test('the end of the chain that was used longest ago makes room', async (t) => {
  const cache = new PrefixCache(4);
  keep(cache, 'ab');
  keep(cache, 'cd');
  t.equal(known(cache, 'ab'), 2);
  keep(cache, 'e');
  t.equal(known(cache, 'cd'), 1, 'd is gone, c is left');
  t.equal(known(cache, 'ab'), 2);
});

t.test('a chain does not make room for its own end, the rest is not kept', async (t) => {
  const cache = new PrefixCache(3);
  keep(cache, 'x');
  t.same(keep(cache, 'abcde'), ['a', 'b', 'c']);
  t.equal(known(cache, 'abcde'), 3);
  t.same(keep(cache, 'abcde'), []);
});

t.test('without places nothing is kept', async (t) => {
  const cache = new PrefixCache(0);
  t.same(keep(cache, 'ab'), []);
  t.equal(known(cache, 'ab'), 0);
});

t.test("a flood of prompts leaves another tenant's share, and takes what lies beyond it", async (t) => {
  const cache = new PrefixCache(16);
  const other = { tenant: 'copilot', audience: '', adapter: null };
  keep(cache, 'abc');
  for (const letter of 'defghijklmnopqrstuvw') keep(cache, letter, other);
  t.equal(known(cache, 'abc'), 2);
  for (const letter of 'xyz') keep(cache, letter);
  t.equal(known(cache, 'xyz'), 1, 'it may have more again');
});

t.test(
  'what a tenant has kept is given up, of one adapter or of all, and its places are given out again',
  async (t) => {
    const cache = new PrefixCache(6);
    const one = { ...ROOT, adapter: '1' };
    const other = { ...ROOT, tenant: 'other', adapter: '1' };
    keep(cache, 'ab', one);
    keep(cache, 'ab');
    keep(cache, 'ab', other);
    cache.forget('bank', '1');
    t.same([known(cache, 'ab', one), known(cache, 'ab'), known(cache, 'ab', other)], [0, 2, 2]);
    cache.forget('bank');
    t.same([known(cache, 'ab'), known(cache, 'ab', other)], [0, 2]);
    const places = cache.insert(ROOT, prompt('cdef'), 4 * BLOCK_TOKENS).map(({ place }) => place);
    t.equal(new Set([...places, ...cache.match(other, prompt('ab')).places]).size, 6, 'no place is held twice');
  },
);
