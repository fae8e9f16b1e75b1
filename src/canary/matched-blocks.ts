/** One value of one answer. Values of one stratum alone are compared. */
export interface Observation {
  readonly arm: 'stable' | 'canary';
  /** A cluster of questions, or one question that both were asked. */
  readonly stratum: number | string | null;
  readonly value: number;
}

/** Neighbours in time, of one stratum: at least one of each arm, and exactly one of one of them. */
export interface Block {
  readonly canary: readonly number[];
  readonly stable: readonly number[];
}

/** Matches one answer after another, oldest first, and gives the block that it closes; null: none. */
export function createMatcher(): (observation: Observation) => Block | null {
  const open = new Map<Observation['stratum'], { canary: number[]; stable: number[] }>();
  return ({ arm, stratum, value }) => {
    const block = open.get(stratum) ?? { canary: [], stable: [] };
    open.set(stratum, block);
    block[arm].push(value);
    if (block.canary.length === 0 || block.stable.length === 0) return null;
    open.delete(stratum);
    return block;
  };
}

/**
 * Matches the answers of both arms, oldest first. A block is closed as soon as it has both arms, by who was assigned and never
 * by how it went: were both versions the same, each block's two means would have one expectation, whatever the hour's
 * load, the mix of questions and the weight.
 */
export function matchBlocks(observations: Iterable<Observation>): Block[] {
  const match = createMatcher();
  return [...observations].flatMap((observation) => match(observation) ?? []);
}
