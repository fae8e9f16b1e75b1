/** Every IEEE 754 half as a float: 256 KiB, and one load a number instead of arithmetic. */
export const HALF_TO_FLOAT: Float32Array = Float32Array.from({ length: 65_536 }, (_, bits) => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
});

const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);

/** The nearest half, ties to even, as its bits; what is too large becomes an infinity. */
export function toHalf(value: number): number {
  FLOAT[0] = value;
  const bits = BITS[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fff_ffff;
  if (magnitude > 0x7f80_0000) return sign | 0x7e00;
  // 2^-14, the smallest normal half: below it the steps are 2^-24, and adding 1/2 lets the FPU round to them.
  if (magnitude < 0x3880_0000) {
    FLOAT[0] = Math.abs(value) + 0.5;
    return sign | (BITS[0]! - 0x3f00_0000);
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | Math.min(0x7c00, (rounded - 0x3800_0000) >>> 13);
}
