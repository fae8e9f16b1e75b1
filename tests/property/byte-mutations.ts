import fc from 'fast-check';

export type Mutation =
  | { readonly kind: 'byte'; readonly at: number; readonly value: number }
  | { readonly kind: 'number'; readonly at: number; readonly value: bigint }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'insert'; readonly at: number; readonly count: number };

/** Numbers that lengths, counts and offsets are broken with. */
const HOSTILE = [
  0n,
  1n,
  31n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 40n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

/** One change, mostly within the first `header` bytes. */
export function mutation(header: number, length: number): fc.Arbitrary<Mutation> {
  const at = fc.oneof({ weight: 4, arbitrary: fc.nat(header - 1) }, { weight: 1, arbitrary: fc.nat(length - 1) });
  return fc.oneof(
    fc.record({ kind: fc.constant('byte' as const), at, value: fc.nat(255) }),
    fc.record({ kind: fc.constant('number' as const), at, value: fc.constantFrom(...HOSTILE) }),
    fc.record({ kind: fc.constant('cut' as const), at }),
    fc.record({ kind: fc.constant('insert' as const), at, count: fc.integer({ min: 1, max: 40 }) }),
  );
}

export function mutate(sound: Buffer, mutations: readonly Mutation[]): Buffer {
  let bytes = Buffer.from(sound);
  for (const change of mutations) {
    const at = Math.min(change.at, bytes.length);
    if (change.kind === 'cut') bytes = bytes.subarray(0, at);
    else if (change.kind === 'insert') {
      bytes = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(change.count, 7), bytes.subarray(at)]);
    } else if (change.kind === 'byte') {
      if (at < bytes.length) bytes[at] = change.value;
    } else if (at + 8 <= bytes.length) bytes.writeBigUInt64LE(change.value, at);
  }
  return bytes;
}
