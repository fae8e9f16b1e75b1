/** A stream of numbers in [0, 1). */
export type Random = () => number;

const WARM_UP = 12;

/**
 * Small fast counting generator with 32-bit words (sfc32, Doty-Humphrey's PractRand): equal seeds give equal streams on
 * every machine, and the stream of one request does not depend on what else runs.
 * @param seed any integer that a double holds exactly
 */
export function createRandom(seed: number): Random {
  let a = 0;
  let b = seed | 0;
  let c = Math.floor(seed / 2 ** 32) | 0;
  let counter = 1;
  const next = (): number => {
    const word = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + word;
    return word >>> 0;
  };
  for (let i = 0; i < WARM_UP; i++) next();
  return () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53;
}
