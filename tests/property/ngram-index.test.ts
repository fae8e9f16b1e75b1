import fc from 'fast-check';
import t from 'tap';
import { NgramIndex } from '../../src/engine/process/ngram-index.js';

/** End of the most recent occurrence, before the last one, of the last `size` tokens; 0 = none. Searched for. */
function earlierEnd(ids: readonly number[], size: number): number {
  for (let end = ids.length - 1; end >= size; end--) {
    if (Array.from({ length: size }, (_, i) => i + 1).every((i) => ids[end - i] === ids[ids.length - i])) return end;
  }
  return 0;
}

const idsOf = (tokens: number, maxLength: number) => fc.array(fc.nat(tokens - 1), { maxLength, size: 'max' });

t.test('finds what a search through the whole sequence finds', async () => {
  fc.assert(
    fc.property(
      fc.oneof(idsOf(2, 120), idsOf(5, 200)),
      fc.integer({ min: 1, max: 8 }),
      fc.nat(200_000),
      (small, max, offset) => {
        const index = new NgramIndex();
        const ids: number[] = [];
        return small.every((id) => {
          index.push(id + offset);
          ids.push(id + offset);
          const size = [4, 3, 2].find((tokens) => earlierEnd(ids, tokens) > 0);
          const proposed = index.propose(max);
          if (size === undefined) return proposed.length === 0;
          const start = earlierEnd(ids, size);
          const expected = ids.slice(start, start + (size === 2 ? Math.min(2, max) : max));
          return expected.length > 0 && proposed.join() === expected.join();
        });
      },
    ),
  );
});

t.test('a long sequence outgrows its tables and loses nothing', async (t) => {
  const index = new NgramIndex();
  const tokenAt = (i: number) => (i * i * 31 + i) % 49_152;
  for (let i = 0; i < 5000; i++) index.push(tokenAt(i));
  for (let start = 0; start < 4000; start += 97) {
    for (let i = start; i < start + 4; i++) index.push(tokenAt(i));
    t.same(
      index.propose(3),
      [4, 5, 6].map((i) => tokenAt(start + i)),
    );
  }
});
