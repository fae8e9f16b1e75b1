import { join } from 'node:path';
import type { AdapterCompiler } from '../contracts/adapter.js';
import type { Clock } from '../contracts/clock.js';
import type { Registry } from '../contracts/registry.js';
import { createAdapters } from './adapters.js';
import { createAnswers } from './answers.js';
import { openDatabase } from './database.js';
import { createDeployments } from './deployments.js';
import { createJudgedAnswers } from './judged-answers.js';
import { createKeys } from './keys.js';
import { createLeases } from './leases.js';
import { createRolloutEvents } from './rollout-events.js';
import { createSigners } from './signers.js';
import { createTenants } from './tenants.js';

export interface RegistryOptions {
  /** Folder of `registry.db`, absolute. */
  readonly dataDir: string;
  readonly compiler: AdapterCompiler;
  readonly clock: Clock;
  /** Whether the published demo keys open anything. */
  readonly demo: boolean;
}

/** The registry over SQLite. Every change is one transaction, on the disk when its promise resolves. */
export async function openRegistry({ dataDir, compiler, clock, demo }: RegistryOptions): Promise<Registry> {
  const db = await openDatabase(join(dataDir, 'registry.db'));
  const { flush, ...answers } = createAnswers({ db, clock });
  return {
    ...createTenants({ db, clock }),
    ...createKeys({ db, clock, demo }),
    ...createSigners({ db, clock }),
    ...createAdapters({ db, clock, compiler, dataDir }),
    ...createDeployments({ db, clock }),
    ...createRolloutEvents({ db }),
    ...createJudgedAnswers({ db }),
    ...createLeases({ db, clock }),
    ...answers,
    async close() {
      await flush();
      await db.destroy();
    },
  };
}
