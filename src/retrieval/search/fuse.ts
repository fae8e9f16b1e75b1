/** Of G. Cormack, C. Clarke and S. Büttcher, Reciprocal rank fusion (2009): how little the first ranks stand out. */
const K = 60;

/** One ranking out of several: each gives 1 / (60 + rank) to what it names. Of equals the one that is named first stays first. */
export function fuse(rankings: readonly (readonly number[])[]): number[] {
  const scores = new Map<number, number>();
  for (const ranking of rankings) {
    for (const [rank, label] of ranking.entries()) scores.set(label, (scores.get(label) ?? 0) + 1 / (K + rank + 1));
  }
  return [...scores].sort(([, a], [, b]) => b - a).map(([label]) => label);
}
