import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from '../load.js';
import type { PeerServer } from './peer.js';
import { drive, type Scenario } from './scenarios.js';

/** One figure of us and a peer: what each reached in every round. */
export interface Compared {
  readonly figure: string;
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
}

interface Course {
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  readonly model: string;
  readonly prompts: (tokens: number) => readonly number[];
  /** Writes a line for people. */
  readonly say: (line: string) => void;
}

/** Until the threads of the server that ran before have gone to sleep. */
const PAUSE_MS = 300;
const WARM_UP_TOKENS = 8;

/** Drives both in turns, each pair of runs with the same fresh prompts. */
export async function compare(ours: PeerServer, theirs: PeerServer, course: Course): Promise<Compared[]> {
  const { scenarios, rounds, model, prompts, say } = course;
  const run = async (server: PeerServer, scenario: Scenario, asked: readonly (readonly number[])[]) => {
    const timings = await drive(server, scenario, model, asked);
    await sleep(PAUSE_MS);
    return timings;
  };
  const promptsOf = ({ streams, promptTokens }: Scenario) =>
    Array.from({ length: streams }, () => prompts(promptTokens));
  // Adapters are read, pages touched, and kernels compiled before anything counts.
  for (const scenario of scenarios) {
    const short = { ...scenario, answerTokens: Math.min(WARM_UP_TOKENS, scenario.answerTokens) };
    for (const server of [ours, theirs]) await run(server, short, promptsOf(scenario));
  }

  const compared = scenarios.flatMap(({ measures }) =>
    measures.map(({ figure }) => ({ figure, ours: [] as number[], theirs: [] as number[] })),
  );
  for (let round = 0; round < rounds; round++) {
    for (const scenario of scenarios) {
      const asked = promptsOf(scenario);
      const [us, them] = [await run(ours, scenario, asked), await run(theirs, scenario, asked)];
      for (const { figure, unit, of } of scenario.measures) {
        const values = compared.find((one) => one.figure === figure)!;
        values.ours.push(of(us));
        values.theirs.push(of(them));
        const [left, right] = [of(us), of(them)].map((value) => value.toFixed(1).padStart(8));
        say(`${round + 1}/${rounds} ${figure.padEnd(24)} ${left} ${right} ${unit}`);
      }
    }
  }
  return compared;
}

/** Median of the rounds' own ratios, so that a slow minute of the machine weighs on both sides. */
export function ratioOf({ ours, theirs }: Compared): number {
  return median(ours.map((value, round) => value / theirs[round]!));
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);
