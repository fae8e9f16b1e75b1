import { type Static, Type } from 'typebox';
import type { AdapterVersion } from '../contracts/registry.js';
import { errorResponses } from '../errors/responses.js';
import { BOM_TYPE, renderBom } from '../registry/ml-bom.js';
import { renderCard } from '../registry/model-card.js';
import type { VersionFacts } from '../registry/version-facts.js';
import { changedBy } from './conditions.js';
import { numberCursor, PageQuery, pageOf, toPage } from './paging.js';
import type { AdminPlugin } from './plugin.js';
import {
  AdapterSchema,
  EvaluationBody,
  EvaluationSchema,
  StatusBody,
  VersionEventSchema,
  VersionParams,
  VersionSchema,
} from './schemas/versions.js';
import { withoutFile } from './shown-version.js';

const route = { config: { scope: 'release' } } as const;
const oneVersion = { tags: ['admin'], params: VersionParams };
const bySeq = numberCursor(({ seq }: { readonly seq: number }) => seq);

export const versionRoutes: AdminPlugin = async (app, { registry, engines }) => {
  /** With who serves it: whoever revokes a stable version has to act there. */
  async function withUses(version: AdapterVersion) {
    const deployments = (await registry.listDeployments(version.tenant)).filter((d) => d.adapter === version.name);
    const namesWhere = (key: 'stableVersion' | 'canaryVersion') =>
      deployments.filter((deployment) => deployment[key] === version.version).map(({ name }) => name);
    return { ...withoutFile(version), stableOf: namesWhere('stableVersion'), canaryOf: namesWhere('canaryVersion') };
  }

  app.get(
    '/tenants/:tenant/adapters/:name/versions/:version',
    {
      ...route,
      schema: {
        ...oneVersion,
        operationId: 'getAdapterVersion',
        summary: 'Show an adapter version, and who serves it',
        response: { 200: VersionSchema, ...errorResponses },
      },
    },
    async ({ params }) => withUses(await registry.getAdapterVersion(params.tenant, params.name, params.version)),
  );

  app.delete(
    '/tenants/:tenant/adapters/:name/versions/:version',
    {
      ...route,
      schema: {
        ...oneVersion,
        operationId: 'deleteVersion',
        summary: 'Delete an adapter version that nothing serves or names',
        description: 'With its files, where no other version has the same content. Its number is not given again.',
        response: { 200: AdapterSchema, ...errorResponses },
      },
    },
    async (request) => {
      const { tenant, name, version } = request.params;
      const deleted = await registry.deleteVersion(tenant, name, version, changedBy(request));
      engines.forget(tenant, deleted.digest);
      return withoutFile(deleted);
    },
  );

  app.put(
    '/tenants/:tenant/adapters/:name/versions/:version/status',
    {
      ...route,
      schema: {
        ...oneVersion,
        operationId: 'setVersionStatus',
        summary: 'Approve, quarantine, revoke or retire an adapter version',
        description:
          'Revoking acts on the next request: the version leaves every canary, and a deployment that serves it as stable refuses requests until it is rolled back or given another. Answers that have begun end on it. What is served cannot be quarantined or retired.',
        body: StatusBody,
        response: { 200: VersionSchema, ...errorResponses },
      },
    },
    async (request) => {
      const { tenant, name, version } = request.params;
      const { status } = request.body;
      request.logged.result = { status };
      const changed = await registry.setVersionStatus(tenant, name, version, status, changedBy(request));
      if (status === 'revoked' || status === 'retired') engines.forget(tenant, changed.digest);
      return withUses(changed);
    },
  );

  app.get(
    '/tenants/:tenant/adapters/:name/versions/:version/events',
    {
      ...route,
      schema: {
        ...oneVersion,
        operationId: 'listVersionEvents',
        summary: 'List who changed the status of an adapter version and why, newest first',
        querystring: PageQuery,
        response: { 200: pageOf(VersionEventSchema), ...errorResponses },
      },
    },
    async ({ params: { tenant, name, version }, query }) =>
      toPage(await registry.listVersionEvents(tenant, name, version), bySeq.of, query),
  );

  app.get(
    '/tenants/:tenant/adapters/:name/versions/:version/evaluations',
    {
      ...route,
      schema: {
        ...oneVersion,
        operationId: 'listEvaluations',
        summary: 'List what was measured of an adapter version',
        querystring: PageQuery,
        response: { 200: pageOf(EvaluationSchema), ...errorResponses },
      },
    },
    async ({ params: { tenant, name, version }, query }) =>
      toPage(await registry.listEvaluations(tenant, name, version), bySeq.of, query),
  );

  app.post(
    '/tenants/:tenant/adapters/:name/versions/:version/evaluations',
    {
      ...route,
      schema: {
        ...oneVersion,
        operationId: 'addEvaluation',
        summary: 'Add what was measured of an adapter version',
        body: EvaluationBody,
        response: { 201: EvaluationSchema, ...errorResponses },
      },
    },
    async (request, reply) => {
      const { tenant, name, version } = request.params;
      const report = { ...request.body, dataDigest: request.body.dataDigest ?? null };
      reply.code(201);
      return registry.addEvaluation(tenant, name, version, report, changedBy(request));
    },
  );

  const facts = async ({ tenant, name, version }: Static<typeof VersionParams>): Promise<VersionFacts> => ({
    version: withoutFile(await registry.getAdapterVersion(tenant, name, version)),
    evaluations: await registry.listEvaluations(tenant, name, version),
    events: await registry.listVersionEvents(tenant, name, version),
  });

  app.get(
    '/tenants/:tenant/adapters/:name/versions/:version/card',
    {
      ...route,
      schema: {
        ...oneVersion,
        operationId: 'getModelCard',
        summary: 'The model card of an adapter version: lineage, training, evaluations, history',
        response: {
          200: { description: 'Markdown.', content: { 'text/markdown': { schema: Type.String() } } },
          ...errorResponses,
        },
      },
    },
    async ({ params }, reply) => {
      // An error before it is JSON.
      const card = renderCard(await facts(params));
      return reply.type('text/markdown; charset=utf-8').serializer(String).send(card);
    },
  );

  app.get(
    '/tenants/:tenant/adapters/:name/versions/:version/bom',
    {
      ...route,
      schema: {
        ...oneVersion,
        operationId: 'getBom',
        summary: 'The ML-BOM of an adapter version (CycloneDX 1.6)',
        response: {
          200: {
            description: 'The bill of materials.',
            content: { 'application/vnd.cyclonedx+json': { schema: Type.Record(Type.String(), Type.Unknown()) } },
          },
          ...errorResponses,
        },
      },
    },
    async ({ params }, reply) => {
      const bom = renderBom(await facts(params));
      return reply.type(BOM_TYPE).send(bom);
    },
  );
};
