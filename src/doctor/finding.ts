/** `bad`: it will not run, or loses something. `poor`: it runs, but worse than it could. */
type State = 'good' | 'poor' | 'bad';

export interface Finding {
  readonly what: string;
  readonly state: State;
  /** What was found. */
  readonly found: string;
  /** What to do about it; null where all is well. */
  readonly advice: string | null;
}

export const good = (what: string, found: string): Finding => ({ what, state: 'good', found, advice: null });
export const poor = (what: string, found: string, advice: string): Finding => ({ what, state: 'poor', found, advice });
export const bad = (what: string, found: string, advice: string): Finding => ({ what, state: 'bad', found, advice });

/** Bytes, for people. */
export const size = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
