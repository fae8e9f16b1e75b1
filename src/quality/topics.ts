/** The topics of questions: centroids of a baseline. Pure. */
import { dot } from '../vectors/dot.js';

const ROUNDS = 10;

/** The centroid that a vector is nearest to. Vectors and centroids are normalised. */
export function nearestTopic(vector: Float32Array, centroids: readonly Float32Array[]): number {
  let [best, most] = [0, Number.NEGATIVE_INFINITY];
  for (const [topic, centroid] of centroids.entries()) {
    const cosine = dot(vector, centroid);
    if (cosine > most) [best, most] = [topic, cosine];
  }
  return best;
}

/**
 * Spherical k-means (I. Dhillon and D. Modha, 2001), begun with vectors that are far from each other: the same vectors give the
 * same topics.
 */
export function topicsOf(vectors: readonly Float32Array[], count: number): Float32Array[] {
  let centroids = farApart(vectors, count);
  for (let round = 0; round < ROUNDS; round++) {
    const members = centroids.map(() => [] as Float32Array[]);
    for (const vector of vectors) members[nearestTopic(vector, centroids)]!.push(vector);
    centroids = members.map((some, topic) => (some.length === 0 ? centroids[topic]! : centre(some)));
  }
  return centroids;
}

function farApart(vectors: readonly Float32Array[], count: number): Float32Array[] {
  const chosen = [vectors[0]!];
  const nearest = vectors.map((vector) => dot(vector, chosen[0]!));
  while (chosen.length < Math.min(count, vectors.length)) {
    const next = vectors[nearest.indexOf(Math.min(...nearest))]!;
    chosen.push(next);
    for (const [index, vector] of vectors.entries()) nearest[index] = Math.max(nearest[index]!, dot(vector, next));
  }
  return chosen;
}

function centre(vectors: readonly Float32Array[]): Float32Array {
  const sum = vectors[0]!.map((_, index) => vectors.reduce((total, vector) => total + vector[index]!, 0));
  const norm = Math.hypot(...sum) || 1;
  return sum.map((value) => value / norm);
}
