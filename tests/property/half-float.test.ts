import fc from 'fast-check';
import t from 'tap';
import { HALF_TO_FLOAT, toHalf } from '../../src/layouts/half-float.js';

const INFINITY = 0x7c00;
/** What the half behind the largest finite one would be. */
const BEYOND = 65_536;

t.test('every half comes back from its float as it was, zeros and infinities with their sign', async (t) => {
  const changed: number[] = [];
  HALF_TO_FLOAT.forEach((value, half) => {
    if (!Number.isNaN(value) && toHalf(value) !== half) changed.push(half);
  });
  t.same(changed, []);
  t.equal(HALF_TO_FLOAT.filter(Number.isNaN).length, 2 * 1023);
  t.ok(Number.isNaN(HALF_TO_FLOAT[toHalf(Number.NaN)]!));
});

t.test('a float becomes the nearest half, of two equally near ones the even', async (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.float({ noNaN: true }), nearHalves()), (value) => toHalf(value) === slowly(value)),
    { numRuns: 20_000 },
  );
  t.equal(toHalf(65_519), 0x7bff);
  t.equal(toHalf(-65_520), 0x8000 | INFINITY);
});

/** Where rounding is decided: halfway between two halves, and the floats around it. */
function nearHalves(): fc.Arbitrary<number> {
  const shifts = fc.constantFrom(0, 1, -1, 2 ** 12, -(2 ** 12));
  return fc.tuple(fc.nat(INFINITY - 1), shifts, fc.constantFrom(1, -1)).map(([half, shift, sign]) => {
    const middle = Float32Array.of((HALF_TO_FLOAT[half]! + above(half)) / 2);
    const bits = new Uint32Array(middle.buffer);
    bits[0] = Math.max(0, bits[0]! + shift);
    return sign * middle[0]!;
  });
}

/** Looks for the halves on either side, with plain comparisons in doubles, which hold all of it exactly. */
function slowly(value: number): number {
  const magnitude = Math.abs(value);
  let low = 0;
  let high = INFINITY;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (HALF_TO_FLOAT[middle]! <= magnitude) low = middle;
    else high = middle;
  }
  const down = magnitude - HALF_TO_FLOAT[low]!;
  const up = above(low) - magnitude;
  const nearest = down < up || (down === up && low % 2 === 0) ? low : low + 1;
  return nearest | (Object.is(Math.sign(value), -0) || value < 0 ? 0x8000 : 0);
}

function above(half: number): number {
  return half + 1 === INFINITY ? BEYOND : HALF_TO_FLOAT[half + 1]!;
}
