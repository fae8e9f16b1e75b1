import { DEFAULT_PLAN } from '../canary/decide.js';
import { judge, policyOf } from '../canary/judge.js';
import type { RolloutEvent } from '../contracts/rollouts.js';
import { errorResponses } from '../errors/responses.js';
import { changedBy, changingDeployment, withEtag } from './conditions.js';
import { numberCursor, pageOf, pageQuery, readPage } from './paging.js';
import type { AdminPlugin } from './plugin.js';
import { RolloutBody, RolloutEventSchema, RolloutStatusSchema } from './rollout-schemas.js';
import { DeploymentParams } from './schemas/deployments.js';

const route = { config: { scope: 'release' } } as const;
const EVENTS = 100;
const byRevision = numberCursor(({ revision }: RolloutEvent) => revision);
const oneRollout = { tags: ['admin'], params: DeploymentParams };

export const rolloutRoutes: AdminPlugin = async (app, { registry }) => {
  app.post(
    '/tenants/:tenant/deployments/:name/rollout',
    {
      ...route,
      schema: {
        ...changingDeployment,
        operationId: 'startRollout',
        summary: 'Let a version through step by step',
        description:
          'It gets the share of the first step at once. From then on it is judged against the stable version: it is given more while it is good, becomes stable after the last step, and is rolled back as soon as it is proven worse.',
        body: RolloutBody,
      },
    },
    async (request, reply) => {
      const { tenant, name } = request.params;
      const { version, groups, shadowWeight, ...plan } = request.body;
      const rollout = { version, groups, shadowWeight, plan: { ...DEFAULT_PLAN, ...plan } };
      return withEtag(reply, await registry.startRollout(tenant, name, rollout, changedBy(request)));
    },
  );

  for (const [change, summary] of [
    ['pause', 'Leave a rollout at its step; it is still rolled back where it is proven worse'],
    ['resume', 'Let a rollout go on'],
    ['advance', 'Go to the next step of a rollout without waiting for the judge'],
  ] as const) {
    app.post(
      `/tenants/:tenant/deployments/:name/rollout/${change}`,
      { ...route, schema: { ...changingDeployment, operationId: `${change}Rollout`, summary } },
      async (request, reply) => {
        const { tenant, name } = request.params;
        return withEtag(reply, await registry.changeRollout(tenant, name, change, changedBy(request)));
      },
    );
  }

  app.get(
    '/tenants/:tenant/deployments/:name/rollout',
    {
      ...route,
      schema: {
        ...oneRollout,
        operationId: 'getRollout',
        summary: 'Show how a rollout goes: what the judge sees now',
        response: { 200: RolloutStatusSchema, ...errorResponses },
      },
    },
    async ({ params }) => {
      const deployment = await registry.getDeployment(params.tenant, params.name);
      const answers = deployment.canaryVersion === null ? [] : await registry.judgedAnswers(deployment);
      return { deployment, verdict: judge(answers, policyOf(deployment.rollout?.metrics ?? {})) };
    },
  );

  app.get(
    '/tenants/:tenant/deployments/:name/events',
    {
      ...route,
      schema: {
        ...oneRollout,
        operationId: 'listRolloutEvents',
        summary: 'List what was done to a deployment, newest first, with the evidence for it',
        querystring: pageQuery(EVENTS),
        response: { 200: pageOf(RolloutEventSchema), ...errorResponses },
      },
    },
    ({ params: { tenant, name }, query }) =>
      readPage(EVENTS, query, byRevision, (limit, before) =>
        registry.listRolloutEvents(tenant, name, limit, before === null ? {} : { before }),
      ),
  );
};
