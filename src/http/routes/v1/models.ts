import { type Static, Type } from 'typebox';
import type { AdapterVersion, Deployment, Principal } from '../../../contracts/registry.js';
import { VERSION_STATUSES } from '../../../contracts/registry-limits.js';
import type { Alias } from '../../../contracts/versions.js';
import { AppError } from '../../../errors/app-error.js';
import { errorResponses } from '../../../errors/responses.js';
import { mayName } from '../../../pipeline/callable.js';
import type { App, Services } from '../../app.js';

const Model = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('model'),
    created: Type.Integer(),
    owned_by: Type.String(),
    root: Type.String({ description: 'What answers: an adapter version, or the model itself.' }),
    parent: Type.Union([Type.String(), Type.Null()], { description: 'The model that an adapter was trained on.' }),
    digest: Type.Union([Type.String(), Type.Null()], {
      description: 'Extension. SHA-256 of what answers; null: not known.',
    }),
    status: Type.Union([Type.Enum([...VERSION_STATUSES]), Type.Null()], {
      description: 'Extension. Whether the version was approved; null: no adapter version answers.',
    }),
  },
  { description: 'The model.' },
);
type Model = Static<typeof Model>;

const OWNER = 'switchyard';

export function addModels(app: App, { engines, retrieval, registry }: Services): void {
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
    async ({ principal }) => ({ object: 'list' as const, data: await listModels(principal) }),
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
      const card = (await listModels(principal)).find(({ id }) => id === params.model);
      if (card === undefined) throw new AppError('model_not_found', { model: params.model });
      return card;
    },
  );

  async function listModels({ tenant, scopes }: Principal): Promise<Model[]> {
    const [deployments, adapters, aliases] = await Promise.all([
      registry.listDeployments(tenant),
      registry.listAdapters(tenant),
      registry.listAliases(tenant),
    ]);
    const base = toOwnCard(engines.base.id, engines.base.baseDigest);
    return [
      ...deployments.flatMap((deployment) => {
        const versions = adapters.filter(({ name }) => name === deployment.adapter);
        const named = versions.filter(({ status }) => mayName(status, scopes));
        return [
          toCard(deployment, deployment.name, versions.find(isStable(deployment)) ?? null, base),
          ...named.map((version) => toCard(deployment, `${deployment.name}@${version.version}`, version, base)),
          ...toAliasCards(deployment, named, aliases, base),
        ];
      }),
      base,
      toOwnCard(retrieval.embedder.id, null),
    ];
  }
}

const isStable =
  ({ stableVersion }: Deployment) =>
  ({ version }: AdapterVersion) =>
    version === stableVersion;

function toAliasCards(
  deployment: Deployment,
  versions: readonly AdapterVersion[],
  aliases: readonly Alias[],
  base: Model,
): Model[] {
  return aliases
    .filter(({ adapter }) => adapter === deployment.adapter)
    .flatMap(({ alias, version: of }) => {
      const version = versions.find(({ version }) => version === of);
      return version ? [toCard(deployment, `${deployment.name}@${alias}`, version, base)] : [];
    });
}

/** @param version null: the bare base model answers */
function toCard({ tenant, createdAt }: Deployment, id: string, version: AdapterVersion | null, base: Model): Model {
  return {
    id,
    object: 'model',
    created: Math.floor((id.includes('@') && version ? version.createdAt : createdAt) / 1000),
    owned_by: tenant,
    root: version === null ? base.id : `${version.name}@${version.version}`,
    parent: base.id,
    digest: version === null ? base.digest : version.digest,
    status: version === null ? null : version.status,
  };
}

function toOwnCard(id: string, digest: string | null): Model {
  return { id, object: 'model', created: 0, owned_by: OWNER, root: id, parent: null, digest, status: null };
}
