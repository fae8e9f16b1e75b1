import { join } from 'node:path';
import type { AdapterCompiler } from '../contracts/adapter.js';
import type { Clock } from '../contracts/clock.js';
import type { Registry } from '../contracts/registry.js';
import { createAdapters } from './adapters.js';
import { createAnswers } from './answers.js';
import { createDataPolicies } from './data-policies.js';
import { openDatabase } from './database.js';
import { createDeployments } from './deployments.js';
import { createFeedback } from './feedback.js';
import { createJudgedAnswers } from './judged-answers.js';
import { createKeys } from './keys.js';
import { createLeases } from './leases.js';
import { createQualityTables } from './quality.js';
import { createRolloutEvents } from './rollout-events.js';
import { createSigners } from './signers.js';
import { createTenants } from './tenants.js';
import { createUserHash } from './user-hash.js';

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
  const hashUser = await createUserHash(db);
  const { flush, onDisk, ...answers } = createAnswers({ db, hashUser });
  const policies = createDataPolicies({ db, clock, hashUser });
  const consents = async (tenant: string) => (await policies.getDataPolicy(tenant)).trainingConsent;
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
    ...policies,
    ...createFeedback({ db, clock, onDisk, consents }),
    ...createQualityTables({ db, clock }),
    async close() {
      await flush();
      await db.destroy();
    },
  };
}
