import type { Engines } from '../contracts/generator.js';
import type { Services } from './app.js';

interface Check {
  readonly ready: boolean;
  /** Why not. */
  readonly reason: string | null;
}

export interface Checks {
  /** All of them, by name. */
  readonly engine: Check & { readonly engines: Readonly<Record<string, Check>> };
  readonly tokenizer: Check;
  readonly retrieval: Check;
  /** Documents that were acknowledged are read into their stores. */
  readonly documents: Check & {
    /** Files that wait to be read, or are being read. */
    readonly waiting: number;
  };
  /** What is acknowledged can be written down. */
  readonly storage: Check;
}

/** What only the process itself knows of its state. */
export interface ProcessState {
  /** Why the start is not over yet; null afterwards. */
  starting(): string | null;
  /** Why the data folder cannot be written to; null where it can. */
  storageTrouble(): Promise<string | null>;
  /** Why what is acknowledged would not be found in the data folder; null where it would. */
  storageLost(): Promise<string | null>;
}

/** Looks at every part; the metric `check_ready` says at each scrape what is found. */
export function createChecks(
  { engines, tokenizer, retrieval, metrics }: Pick<Services, 'engines' | 'tokenizer' | 'retrieval' | 'metrics'>,
  state: ProcessState,
): () => Promise<Checks> {
  const look = async (): Promise<Checks> => {
    const { reason, trouble, ingestQueue, ingestTrouble } = retrieval.status();
    return {
      engine: lookAtEngines(engines),
      tokenizer: pick(tokenizer.status()),
      retrieval: toCheck(reason ?? trouble),
      documents: { ...toCheck(reason ?? trouble ?? ingestTrouble ?? state.starting()), waiting: ingestQueue },
      storage: toCheck(await state.storageTrouble()),
    };
  };
  metrics.beforeScrape(async () => {
    for (const [check, { ready }] of Object.entries(await look())) metrics.set('check_ready', { check }, ready ? 1 : 0);
  });
  return look;
}

function lookAtEngines({ names, of }: Engines): Checks['engine'] {
  const engines = names.map((name) => [name, pick(of(name).status())] as const);
  const named = (name: string, reason: string | null) => (names.length === 1 ? reason : `${name}: ${reason}`);
  const troubles = engines.flatMap(([name, { ready, reason }]) => (ready ? [] : [named(name, reason)]));
  const reason = troubles.length === 0 ? null : troubles.join('; ');
  return { ready: troubles.length === 0, reason, engines: Object.fromEntries(engines) };
}

function toCheck(reason: string | null): Check {
  return { ready: reason === null, reason };
}

function pick({ ready, reason }: Check): Check {
  return { ready, reason };
}
