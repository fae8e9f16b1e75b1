/** Shares of the most that may be staked: small ones for small effects in noise, large ones for what is plain. */
const STAKES = [0.9, 0.6, 0.4, 0.25, 0.15, 0.08, 0.04];
/** Far beyond any threshold, and far from an infinite product. */
const ENOUGH = 1e30;

/** What somebody holds who bets on one gain after another. */
export interface Bettor {
  /** @param gain not below `-loss` */
  add(gain: number): void;
  greatest(): number;
}

/**
 * The most that somebody has ever held who bet on gains being positive, beginning with 1: an e-process against "none
 * of them has an expectation above 0". Were that so, the chance that it ever reaches 1/α is at most α, however often one
 * looks (Ville's inequality). The stakes are a mixture of fixed ones, so no order of looking can be wrong.
 * Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting, JRSS B 86 (2024); for two samples
 * Shekhar and Ramdas, Nonparametric two-sample testing by betting, IEEE Trans. Inf. Theory 70 (2024).
 */
export function createBettor(loss: number): Bettor {
  const stakes = STAKES.map((share) => share / loss);
  const held = STAKES.map(() => 1);
  let greatest = 1;
  return {
    add(gain) {
      let sum = 0;
      for (let i = 0; i < stakes.length; i++) sum += held[i] = Math.min(ENOUGH, held[i]! * (1 + stakes[i]! * gain));
      greatest = Math.max(greatest, sum / stakes.length);
    },
    greatest: () => greatest,
  };
}

/** @param gains none below `-loss` */
export function greatestWealth(gains: readonly number[], loss: number): number {
  const bettor = createBettor(loss);
  for (const gain of gains) bettor.add(gain);
  return bettor.greatest();
}
