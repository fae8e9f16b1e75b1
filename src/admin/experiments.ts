import { DEFAULT_EXPERIMENT, judgeExperiment } from '../canary/experiment.js';
import type { ExperimentArm, ExperimentReport } from '../contracts/experiments.js';
import type { Deployment } from '../contracts/registry.js';
import { AppError } from '../errors/app-error.js';
import { errorResponses } from '../errors/responses.js';
import { changedBy, changingDeployment, withEtag } from './conditions.js';
import { ExperimentStatusSchema } from './experiment-report-schema.js';
import { AdoptBody, ExperimentBody } from './experiment-schemas.js';
import type { AdminPlugin } from './plugin.js';
import { DeploymentParams } from './schemas/deployments.js';

const route = { config: { scope: 'release' } } as const;
const oneExperiment = { tags: ['admin'], params: DeploymentParams };

export const experimentRoutes: AdminPlugin = async (app, { registry, retrieval }) => {
  async function reportOf(deployment: Deployment): Promise<ExperimentReport | null> {
    const { experiment } = deployment;
    return experiment ? judgeExperiment(await registry.experimentAnswers(deployment), experiment) : null;
  }

  app.post(
    '/tenants/:tenant/deployments/:name/experiment',
    {
      ...route,
      schema: {
        ...changingDeployment,
        operationId: 'startExperiment',
        summary: 'Share the traffic among arms',
        description:
          'Each arm answers its share, and whoever asks keeps an arm to the end. It ends by itself once an arm is proven better, none can be, or one does harm; until then nothing else of the deployment changes. Every store and version that is named must be there.',
        body: ExperimentBody,
      },
    },
    async (request, reply) => {
      const { tenant, name } = request.params;
      const plan = { ...DEFAULT_EXPERIMENT, ...request.body };
      for (const arm of plan.arms) for (const id of arm.retrieval?.storeIds ?? []) await retrieval.getStore(tenant, id);
      return withEtag(reply, await registry.startExperiment(tenant, name, plan, changedBy(request)));
    },
  );

  app.post(
    '/tenants/:tenant/deployments/:name/experiment/stop',
    {
      ...route,
      schema: {
        ...changingDeployment,
        operationId: 'stopExperiment',
        summary: 'End an experiment; said again, it does nothing more',
        description: "All traffic is the deployment's again, and how the arms compared is kept.",
      },
    },
    async (request, reply) => {
      const { tenant, name } = request.params;
      const report = await reportOf(await registry.getDeployment(tenant, name));
      const by = { ...changedBy(request), report: report ? asStopped(report) : undefined };
      return withEtag(reply, await registry.endExperiment(tenant, name, by));
    },
  );

  app.post(
    '/tenants/:tenant/deployments/:name/experiment/adopt',
    {
      ...route,
      schema: {
        ...changingDeployment,
        operationId: 'adoptArm',
        summary: 'Make a deployment what an arm of its last experiment was',
        description:
          'Its version, instructions, retrieval, generation and safety policy, as far as the arm names them.',
        body: AdoptBody,
      },
    },
    async (request, reply) => {
      const { tenant, name } = request.params;
      const deployment = await registry.getDeployment(tenant, name);
      const [start] = await registry.listRolloutEvents(tenant, name, 1, { type: 'experiment_started' });
      const arms = start?.served.experiment?.arms ?? [];
      const { version = deployment.stableVersion, ...arm } = requireArm(arms, request.body.arm);
      const adopted = {
        ...{ tenant, name, adapter: deployment.adapter, stableVersion: version },
        instructions: arm.instructions ?? deployment.instructions,
        retrieval: { ...deployment.retrieval, ...arm.retrieval },
        generation: { ...deployment.generation, ...arm.generation },
        policy: arm.policy === undefined ? deployment.policy : arm.policy,
      };
      // What was read is what is changed.
      const { ifRevision = deployment.revision, ...by } = changedBy(request);
      return withEtag(reply, await registry.putDeployment(adopted, { ...by, ifRevision }));
    },
  );

  app.get(
    '/tenants/:tenant/deployments/:name/experiment',
    {
      ...route,
      schema: {
        ...oneExperiment,
        operationId: 'getExperiment',
        summary: 'Show how an experiment goes, or how the last one stood when it ended',
        response: { 200: ExperimentStatusSchema, ...errorResponses },
      },
    },
    async ({ params: { tenant, name } }) => {
      const deployment = await registry.getDeployment(tenant, name);
      const report = await reportOf(deployment);
      if (report) return { deployment, report, endedAt: null };
      const [end] = await registry.listRolloutEvents(tenant, name, 1, { type: 'experiment_ended' });
      return { deployment, report: end?.report ?? null, endedAt: end?.createdAt ?? null };
    },
  );
};

function asStopped(report: ExperimentReport): ExperimentReport {
  if (report.outcome !== 'running') return report;
  return { ...report, outcome: 'undecided', reason: `stopped: ${report.reason}` };
}

function requireArm(arms: readonly ExperimentArm[], name: string): ExperimentArm {
  const arm = arms.find((each) => each.name === name);
  if (arm) return arm;
  const known = arms.map((each) => each.name).join(', ') || 'none, as there was no experiment';
  throw new AppError('invalid_value', { param: 'arm', reason: `must be an arm of the last experiment (${known})` });
}
