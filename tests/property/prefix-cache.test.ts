import fc from 'fast-check';
import t from 'tap';
import { BLOCK_TOKENS, PrefixCache, type PrefixRoot } from '../../src/engine/process/prefix-cache.js';

/** A block by its root and all tokens up to its end, as plainly as can be. */
interface Kept {
  readonly tenant: string;
  readonly place: number;
  usedAt: number;
}

const describe = ({ tenant, audience, adapter }: PrefixRoot, ids: Int32Array, block: number) =>
  JSON.stringify([`${tenant}/${audience}/${adapter}`, ...ids.subarray(0, (block + 1) * BLOCK_TOKENS)]);
const parentOf = (block: string) => {
  const [root, ...ids] = JSON.parse(block) as [string, ...number[]];
  return ids.length === BLOCK_TOKENS ? null : JSON.stringify([root, ...ids.slice(0, -BLOCK_TOKENS)]);
};

/** Few letters a block, so that prompts often begin alike; the two kinds of blocks differ in one token only. */
const idsOf = fc
  .tuple(fc.array(fc.nat(1), { maxLength: 5 }), fc.nat(BLOCK_TOKENS - 1))
  .map(([kinds, rest]) =>
    Int32Array.from(
      kinds
        .flatMap((kind) => Array.from({ length: BLOCK_TOKENS }, (_, i) => (i === 7 ? kind : 100)))
        .concat(new Array<number>(rest).fill(9)),
    ),
  )
  .filter((ids) => ids.length > 0);
const stepsOf = fc.array(
  fc.record({
    what: fc.constantFrom('match', 'insert'),
    // The separators of the roots and tokens must not be mistaken for each other.
    root: fc.record({
      tenant: fc.constantFrom('a', 'b', '100', 'a\n100'),
      audience: fc.constantFrom('', '', 'hr', 'hr,it'),
      adapter: fc.constantFrom(null, null, null, 'x'),
    }),
    ids: idsOf,
    upTo: fc.nat(5 * BLOCK_TOKENS),
  }),
  { maxLength: 90 },
);

t.test('does what a plain list of prefixes with least recently used eviction beyond a share does', async () => {
  fc.assert(
    fc.property(stepsOf, fc.oneof(fc.nat(7), fc.integer({ min: 16, max: 24 })), (steps, capacity) => {
      const cache = new PrefixCache(capacity);
      const kept = new Map<string, Kept>();
      const arena = new Array<string>(capacity);
      const longest = (root: PrefixRoot, ids: Int32Array, most: number) => {
        const chain: string[] = [];
        while (chain.length < most && kept.has(describe(root, ids, chain.length))) {
          chain.push(describe(root, ids, chain.length));
        }
        return chain;
      };
      steps.forEach(({ what, root, ids, upTo }, now) => {
        if (what === 'match') {
          const expected = longest(root, ids, Math.floor((ids.length - 1) / BLOCK_TOKENS));
          const found = cache.match(root, ids).places.map((place) => arena[place]);
          if (found.join() !== expected.join()) throw new Error('not the longest known prefix');
          for (const block of expected) kept.get(block)!.usedAt = now;
          return;
        }
        const whole = Math.floor(Math.min(upTo, ids.length) / BLOCK_TOKENS);
        const chain = Array.from({ length: whole }, (_, block) => describe(root, ids, block));
        const fresh = chain.slice(longest(root, ids, whole).length);
        const added = cache.insert(root, ids, Math.min(upTo, ids.length));
        for (const block of longest(root, ids, whole)) kept.get(block)!.usedAt = now;
        const room = Math.min(fresh.length, capacity - (whole - fresh.length));
        if (added.length !== room) throw new Error('kept more or less than there is room for');
        for (const [i, { block, place }] of added.entries()) {
          if (chain[block] !== fresh[i]) throw new Error('not the next block of the chain');
          if (!(place >= 0 && place < capacity)) throw new Error('a place outside the arena');
          const before = [...kept].find(([, entry]) => entry.place === place);
          if (before) {
            const ends = [...kept].filter(
              ([end]) => !chain.includes(end) && ![...kept.keys()].some((other) => parentOf(other) === end),
            );
            const held = (tenant: string) => [...kept.values()].filter((entry) => entry.tenant === tenant).length;
            const beyond = ends.filter(([, { tenant }]) => held(tenant) > capacity / 8);
            const oldest = (beyond.length > 0 ? beyond : ends).reduce((a, b) => (b[1].usedAt < a[1].usedAt ? b : a));
            if (oldest[0] !== before[0]) throw new Error('not the end that was used longest ago');
            kept.delete(before[0]);
          } else if (kept.size >= capacity) throw new Error('more blocks than places');
          kept.set(fresh[i]!, { tenant: root.tenant, place, usedAt: now });
          arena[place] = fresh[i]!;
        }
        for (const block of kept.keys()) {
          const parent = parentOf(block);
          if (parent !== null && !kept.has(parent)) throw new Error('a chain lost a block in the middle');
        }
      });
    }),
    { numRuns: 1000 },
  );
});
