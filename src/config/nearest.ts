/** The known name that is closest to a mistyped one, by Levenshtein distance; the earliest of equals. */
export function nearest(name: string, known: readonly string[]): string {
  const wanted = name.toLowerCase();
  let best = { name: known[0] ?? '', distance: Number.POSITIVE_INFINITY };
  for (const candidate of known) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < best.distance) best = { name: candidate, distance };
  }
  return best.name;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substitution = previous[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(substitution, previous[column]! + 1, current[column - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}
