import type { AdapterVersion, Deployment, Principal, RetrievalPolicy } from '../contracts/registry.js';
import { AppError } from '../errors/app-error.js';
import { requireCallable } from './callable.js';
import type { ChatRequest, PipelineServices, Route } from './types.js';

/** Policy of the bare base model, for requests that ask for retrieval themselves. */
const BASE_RETRIEVAL: RetrievalPolicy = { enabled: false, topK: 3, minScore: 0, budgetTokens: 1024 };

type ResolveServices = Pick<PipelineServices, 'engines' | 'registry' | 'assignArm' | 'stickyUnit'>;
type ResolveRequest = Pick<ChatRequest, 'principal' | 'model' | 'override' | 'stickiness'>;

/** Finds who answers a request: the version it gets here is the one it keeps. */
export async function resolveRoute(
  { engines, registry, assignArm, stickyUnit }: ResolveServices,
  { principal, model, override, stickiness }: ResolveRequest,
): Promise<Route> {
  if (model === engines.base.id) {
    if (override.version !== null || override.canary === 'always') {
      throw new AppError('invalid_value', {
        param: 'model',
        reason: 'the base model has no adapter versions to route to; name a deployment',
      });
    }
    return {
      model,
      deployment: model,
      engine: engines.names[0]!,
      adapter: null,
      arm: 'base',
      assignedBy: 'weight',
      shadow: null,
      revision: null,
      instructions: '',
      retrieval: BASE_RETRIEVAL,
      generation: {},
      tools: [],
      policy: null,
    };
  }
  const name = parseModelName(model);
  if (name === null) throw new AppError('model_not_found', { model });
  const deployment = await orModelNotFound(registry.getDeployment(principal.tenant, name.deployment), model);
  const version = override.version ?? (await namedVersion(registry, deployment, name, model));
  const { groups } = principal;
  const assigned = assignArm({
    deployment,
    unit: () => stickyUnit(stickiness),
    groups,
    override: { canary: override.canary, version },
  });
  const adapter = await findVersion(registry, deployment, assigned.version);
  if (adapter !== null) requireCallable(adapter, { arm: assigned.arm, deployment, scopes: principal.scopes });
  const policy = assigned.changes?.policy === undefined ? deployment.policy : assigned.changes.policy;
  return {
    model: adapter === null ? deployment.name : `${deployment.name}@${adapter.version}`,
    deployment: deployment.name,
    engine: deployment.engine ?? engines.names[0]!,
    adapter,
    arm: assigned.arm,
    assignedBy: assigned.assignedBy,
    shadow: shadowOf(deployment, assigned),
    revision: deployment.revision,
    instructions: assigned.changes?.instructions ?? deployment.instructions,
    retrieval: { ...deployment.retrieval, ...assigned.changes?.retrieval },
    generation: { ...deployment.generation, ...assigned.changes?.generation },
    tools: deployment.tools?.length ? await registry.toolsOf(principal.tenant, deployment.tools) : [],
    policy: policy && (await registry.getPolicy(principal.tenant, policy.name, policy.revision)),
  };
}

/** A sample of stable is what the canary is compared with: nobody who was chosen, or chose, is part of it. */
function shadowOf(
  { adapter, canaryVersion: version, shadowWeight: weight = 0 }: Deployment,
  { arm, assignedBy }: Pick<Route, 'arm' | 'assignedBy'>,
): Route['shadow'] {
  if (arm !== 'stable' || assignedBy !== 'weight' || version === null || weight === 0) return null;
  return { adapter: `${adapter}@${version}`, version, weight };
}

/** The route of a copy; null: the canary is another one by now, or is to answer nothing. */
export async function resolveShadow(
  { registry }: Pick<PipelineServices, 'registry'>,
  tenant: string,
  seen: Route,
): Promise<Route | null> {
  const deployment = await registry.getDeployment(tenant, seen.deployment);
  const { canaryVersion } = deployment;
  if (shadowOf(deployment, seen)?.version !== seen.shadow?.version || canaryVersion === null) return null;
  const adapter = await findVersion(registry, deployment, canaryVersion);
  const model = `${deployment.name}@${canaryVersion}`;
  return { ...seen, model, adapter, arm: 'canary', assignedBy: 'shadow', shadow: null };
}

/** A model as it is without a request for it. */
export function resolveModel(services: ResolveServices, principal: Principal, model: string): Promise<Route> {
  const override = { canary: null, version: null };
  return resolveRoute(services, {
    principal,
    model,
    override,
    stickiness: { keyId: principal.keyId, firstUserMessage: '' },
  });
}

interface ModelName {
  readonly deployment: string;
  readonly version: number | null;
  readonly alias: string | null;
}

/** `assistant`, `assistant@3` or `assistant@champion`; null where it can be none of them. */
export function parseModelName(model: string): ModelName | null {
  const match = /^([^@]+)(?:@(?:([1-9]\d{0,8})|([a-z][a-z0-9._-]*)))?$/.exec(model);
  if (match === null) return null;
  const [, deployment, version, alias] = match;
  return { deployment: deployment!, version: version === undefined ? null : Number(version), alias: alias ?? null };
}

/** The version that a request names by its number or an alias; null: the deployment decides. */
async function namedVersion(
  registry: PipelineServices['registry'],
  { tenant, adapter }: Deployment,
  { version, alias }: ModelName,
  model: string,
): Promise<number | null> {
  if (alias === null) return version;
  if (adapter === null) throw new AppError('model_not_found', { model });
  return (await orModelNotFound(registry.getAlias(tenant, adapter, alias), model)).version;
}

async function findVersion(
  registry: PipelineServices['registry'],
  deployment: Deployment,
  version: number | null,
): Promise<AdapterVersion | null> {
  if (version === null) return null;
  const model = `${deployment.name}@${version}`;
  if (deployment.adapter === null) throw new AppError('model_not_found', { model });
  return orModelNotFound(registry.getAdapterVersion(deployment.tenant, deployment.adapter, version), model);
}

async function orModelNotFound<T>(lookup: Promise<T>, model: string): Promise<T> {
  try {
    return await lookup;
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') {
      throw new AppError('model_not_found', { model }, { cause: error });
    }
    throw error;
  }
}
