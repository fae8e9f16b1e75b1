import type { Clock } from '../contracts/clock.js';
import type { Registry, RetrievalPolicy } from '../contracts/registry.js';
import type { DeploymentChanges } from './deployment-changes.js';
import { toDeployment } from './deployment-rows.js';
import { requirePolicy } from './policies.js';
import { OPERATOR } from './revision.js';
import { experimentEnded, experimentStarted } from './rollout.js';
import type { Database } from './tables/tables.js';
import { validExperiment } from './valid-experiment.js';
import { validRetrieval } from './valid-retrieval.js';

type Experiments = Pick<Registry, 'startExperiment' | 'endExperiment' | 'listExperiments'>;

interface Options {
  readonly db: Database;
  readonly clock: Clock;
  readonly changes: DeploymentChanges;
}

/** An experiment is a state of a deployment: what it compares lies in one revision, from its start to its end. */
export function createExperiments({ db, clock, changes: { change } }: Options): Experiments {
  return {
    async startExperiment(tenant, name, plan, by = OPERATOR) {
      const valid = validExperiment(plan);
      for (const { policy } of valid.arms) if (policy) await requirePolicy(db, tenant, policy.name, policy.revision);
      return change(tenant, name, by, 'experiment_started', (current, _, row) => {
        const own: RetrievalPolicy = JSON.parse(row.retrieval);
        for (const { retrieval } of valid.arms) validRetrieval({ ...own, ...retrieval });
        return experimentStarted(current, valid, clock.now());
      });
    },

    endExperiment: (tenant, name, by = OPERATOR) =>
      change(tenant, name, by, 'experiment_ended', (current, last) => experimentEnded(current, last, name)),

    async listExperiments() {
      const rows = await db.selectFrom('deployments').selectAll().where('experiment', 'is not', null).execute();
      return rows.map(toDeployment);
    },
  };
}
