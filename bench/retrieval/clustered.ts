import type { NewPassage } from '../../src/retrieval/stores/store-files.js';

const PER_CLUSTER = 50;
/** Of a word list that large a passage of the real documents would be, too. */
const WORDS = 4000;
const WORDS_A_PASSAGE = 60;

/**
 * Normalised vectors around as many centres as `count` of them need: on uniform random ones the recall of any index by
 * neighbours is poor, and says nothing.
 */
export function clusteredVectors(random: () => number, dimensions: number, count: number): () => Float32Array {
  const centres = Array.from({ length: Math.ceil(count / PER_CLUSTER) }, () =>
    Float32Array.from({ length: dimensions }, () => random() - 0.5),
  );
  return () => {
    const centre = centres[Math.floor(random() * centres.length)]!;
    const values = centre.map((value) => value + 0.6 * (random() - 0.5));
    const norm = Math.hypot(...values);
    return values.map((value) => value / norm);
  };
}

/** A passage of invented words, as often used as ranks say (Zipf), and of the given vector. */
export function inventedPassage(random: () => number, embedding: Float32Array): NewPassage {
  const word = () => `w${Math.floor(WORDS ** random())}`;
  const text = Array.from({ length: WORDS_A_PASSAGE }, word).join(' ');
  const byteEnd = Buffer.byteLength(text);
  return { headingPath: [], text, byteStart: 0, byteEnd, location: null, tokens: 2 * WORDS_A_PASSAGE, embedding };
}
