import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from '../load.js';
import type { PeerServer } from './peer.js';
import { pauseTree, resumeTree } from './processes.js';
import { drive, type Scenario } from './scenarios.js';

/** A server that takes part. */
export interface Entrant {
  readonly name: string;
  readonly server: PeerServer;
  /** It can serve LoRA adapters. */
  readonly adapters: boolean;
}

/** What it reached in every round, by figure. */
export interface Standing extends Entrant {
  readonly values: ReadonlyMap<string, readonly number[]>;
}

interface Course {
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  readonly model: string;
  readonly prompts: (tokens: number) => readonly number[];
  /** Writes a line for people. */
  readonly say: (line: string) => void;
}

const PAUSE_MS = 300;
const WARM_UP_TOKENS = 8;

/**
 * Drives all servers in turns, those of one round with the same fresh prompts. Whoever's turn it is not is stopped, with
 * all its processes: a thread that waits for work by spinning would take a core from the others. A peer that fails is
 * left out from there on, and what it reached before with it.
 * @throws Error where `ours` fails
 */
export async function compare(ours: Entrant, peers: readonly Entrant[], course: Course): Promise<Standing[]> {
  const { scenarios, rounds, model, prompts, say } = course;
  let taking = [ours, ...peers].map((entrant) => ({ ...entrant, values: new Map<string, number[]>() }));
  const turns = async (
    scenario: Scenario,
    take: (standing: (typeof taking)[number], asked: number[][]) => Promise<void>,
  ) => {
    const asked = Array.from({ length: scenario.streams }, () => [...prompts(scenario.promptTokens)]);
    for (const standing of taking.filter(({ adapters }) => adapters || !scenario.adapters)) {
      resumeTree(standing.server.pid);
      // What fell due while it stood still is not what is measured.
      await sleep(PAUSE_MS);
      try {
        await take(standing, asked);
      } catch (error) {
        if (standing.name === ours.name) throw error;
        say(`${standing.name} is left out: ${error instanceof Error ? error.message : error}`);
        taking = taking.filter((other) => other !== standing);
      } finally {
        pauseTree(standing.server.pid);
      }
      await sleep(PAUSE_MS);
    }
  };

  for (const { server } of taking) pauseTree(server.pid);
  // Adapters are read, pages touched, and kernels compiled before anything counts.
  for (const scenario of scenarios) {
    const short = { ...scenario, answerTokens: Math.min(WARM_UP_TOKENS, scenario.answerTokens) };
    await turns(short, async ({ server }, asked) => void (await drive(server, short, model, asked)));
  }
  for (let round = 1; round <= rounds; round++) {
    for (const scenario of scenarios) {
      await turns(scenario, async ({ name, server, values }, asked) => {
        const timings = await drive(server, scenario, model, asked);
        for (const { figure, unit, of } of scenario.measures) {
          const value = of(timings);
          values.set(figure, [...(values.get(figure) ?? []), value]);
          say(`${round}/${rounds} ${figure.padEnd(24)} ${name.padEnd(16)} ${value.toFixed(1).padStart(8)} ${unit}`);
        }
      });
    }
  }
  return taking;
}

/** The middle of the rounds; undefined for what was not measured. */
export function reached({ values }: Pick<Standing, 'values'>, figure: string): number | undefined {
  const rounds = values.get(figure);
  return rounds && quantile(rounds, 0.5);
}

/** Of the medians, which stand beside it: who reads the table can divide. */
export function ratioOf(ours: Standing, theirs: Standing, figure: string): number | undefined {
  const [own, other] = [reached(ours, figure), reached(theirs, figure)];
  return own === undefined || other === undefined ? undefined : own / other;
}
