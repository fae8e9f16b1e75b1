import { dot } from '../../vectors/dot.js';
import type { Scored } from './nearest.js';

/**
 * Chooses `count` of some passages by what each adds to those that are chosen already: maximal marginal relevance, as in J. Carbonell and
 * J. Goldstein, The use of MMR, diversity-based reranking (1998). The first is always the best.
 * @param scored best first
 * @param vectors of the passages, by label
 * @param diversity 0: by relevance alone … 1: by difference alone
 * @returns labels, in the order of their choice
 */
export function chooseDiverse(
  scored: readonly Scored[],
  vectors: ReadonlyMap<number, Float32Array>,
  count: number,
  diversity: number,
): number[] {
  const left = scored.map(({ label, score }) => ({
    label,
    // Relevance is small where no passage is sure; what counts here is how far each lies behind the best.
    relevance: score / (scored[0]!.score || 1),
    likeness: 0,
  }));
  const chosen: number[] = [];
  while (chosen.length < count && left.length > 0) {
    const worth = left.map(({ relevance, likeness }) => (1 - diversity) * relevance - diversity * likeness);
    const [next] = left.splice(chosen.length === 0 ? 0 : worth.indexOf(Math.max(...worth)), 1);
    chosen.push(next!.label);
    const vector = vectors.get(next!.label);
    if (!vector) continue;
    for (const other of left) {
      const of = vectors.get(other.label);
      if (of) other.likeness = Math.max(other.likeness, dot(vector, of));
    }
  }
  return chosen;
}
