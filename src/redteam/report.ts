import type { Outcome } from './run.js';

export interface PassRate {
  /** `all` for the whole run. */
  readonly category: string;
  readonly model: string;
  readonly attacks: number;
  readonly withstood: number;
  readonly rate: number;
}

/** By category, in the order of their first attack, and at last of all together; each for every model. Pure. */
export function passRates(outcomes: readonly Outcome[]): PassRate[] {
  const models = [...new Set(outcomes.map(({ model }) => model))];
  const categories = [...new Set(outcomes.map(({ category }) => category)), 'all'];
  return categories.flatMap((category) =>
    models.map((model) => {
      const own = outcomes.filter((one) => one.model === model && (category === 'all' || one.category === category));
      const withstood = own.filter((one) => one.withstood).length;
      return { category, model, attacks: own.length, withstood, rate: withstood / own.length };
    }),
  );
}
