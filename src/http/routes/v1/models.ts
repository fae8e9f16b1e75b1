import { type Static, Type } from 'typebox';
import type { AdapterVersion, Deployment } from '../../../contracts/registry.js';
import { AppError } from '../../../errors/app-error.js';
import { errorResponses } from '../../../errors/responses.js';
import type { App, Services } from '../../app.js';

const Model = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('model'),
    created: Type.Integer(),
    owned_by: Type.String(),
    root: Type.String({ description: 'What answers: an adapter version, or the model itself.' }),
    parent: Type.Union([Type.String(), Type.Null()], { description: 'The model that an adapter was trained on.' }),
  },
  { description: 'The model.' },
);
type Model = Static<typeof Model>;

const OWNER = 'switchyard';

export function addModels(app: App, { engine, retrieval, registry }: Services): void {
  app.get(
    '/v1/models',
    {
      config: { scope: 'inference' },
      schema: {
        summary: 'Models that this key can name',
        operationId: 'listModels',
        tags: ['models'],
        response: {
          200: Type.Object({ object: Type.Literal('list'), data: Type.Array(Model) }, { description: 'The models.' }),
          ...errorResponses,
        },
      },
    },
    async ({ principal }) => ({ object: 'list' as const, data: await listModels(principal.tenant) }),
  );

  app.get(
    '/v1/models/:model',
    {
      config: { scope: 'inference' },
      schema: {
        summary: 'One model',
        operationId: 'retrieveModel',
        tags: ['models'],
        params: Type.Object({ model: Type.String() }),
        response: { 200: Model, ...errorResponses },
      },
    },
    async ({ principal, params }) => {
      const card = (await listModels(principal.tenant)).find(({ id }) => id === params.model);
      if (card === undefined) throw new AppError('model_not_found', { model: params.model });
      return card;
    },
  );

  async function listModels(tenant: string): Promise<Model[]> {
    const [deployments, adapters] = await Promise.all([
      registry.listDeployments(tenant),
      registry.listAdapters(tenant),
    ]);
    return [
      ...deployments.flatMap((deployment) => toCards(deployment, adapters, engine.model.id)),
      toOwnCard(engine.model.id),
      toOwnCard(retrieval.embedder.id),
    ];
  }
}

/** The deployment by its name, then each version that can be pinned. */
function toCards(deployment: Deployment, adapters: readonly AdapterVersion[], base: string): Model[] {
  const { name, adapter, stableVersion, tenant, createdAt } = deployment;
  const card = (id: string, version: number | null, createdAtMs: number): Model => ({
    id,
    object: 'model',
    created: Math.floor(createdAtMs / 1000),
    owned_by: tenant,
    root: version === null ? base : `${adapter}@${version}`,
    parent: base,
  });
  const versions = adapters.filter((candidate) => candidate.name === adapter);
  return [
    card(name, stableVersion, createdAt),
    ...versions.map(({ version, createdAt }) => card(`${name}@${version}`, version, createdAt)),
  ];
}

function toOwnCard(id: string): Model {
  return { id, object: 'model', created: 0, owned_by: OWNER, root: id, parent: null };
}
