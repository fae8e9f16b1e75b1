import type { AdapterVersion, Deployment, Principal, RetrievalPolicy } from '../contracts/registry.js';
import { AppError } from '../errors/app-error.js';
import type { ChatRequest, PipelineServices, Route } from './types.js';

/** Policy of the bare base model, for requests that ask for retrieval themselves. */
const BASE_RETRIEVAL: RetrievalPolicy = { enabled: false, topK: 3, minScore: 0, budgetTokens: 1024 };

type ResolveServices = Pick<PipelineServices, 'engine' | 'registry' | 'assignArm' | 'stickyUnit'>;
type ResolveRequest = Pick<ChatRequest, 'principal' | 'model' | 'override' | 'stickiness'>;

/** Finds who answers a request: the version it gets here is the one it keeps. */
export async function resolveRoute(
  { engine, registry, assignArm, stickyUnit }: ResolveServices,
  { principal, model, override, stickiness }: ResolveRequest,
): Promise<Route> {
  if (model === engine.model.id) {
    if (override.version !== null || override.canary === 'always') {
      throw new AppError('invalid_value', {
        param: 'model',
        reason: 'the base model has no adapter versions to route to; name a deployment',
      });
    }
    return {
      model,
      deployment: model,
      adapter: null,
      arm: 'base',
      assignedBy: 'weight',
      revision: null,
      instructions: '',
      retrieval: BASE_RETRIEVAL,
      tools: [],
      policy: null,
    };
  }
  const name = parseModelName(model);
  if (name === null) throw new AppError('model_not_found', { model });
  const deployment = await orModelNotFound(registry.getDeployment(principal.tenant, name.deployment), model);
  const version = override.version ?? name.version;
  const unit = stickyUnit(stickiness);
  const assigned = assignArm({ deployment, unit, override: { canary: override.canary, version } });
  const adapter = await findVersion(registry, deployment, assigned.version);
  return {
    model: adapter === null ? deployment.name : `${deployment.name}@${adapter.version}`,
    deployment: deployment.name,
    adapter,
    arm: assigned.arm,
    assignedBy: version !== null ? 'pin' : override.canary !== null ? 'header' : 'weight',
    revision: deployment.revision,
    instructions: deployment.instructions,
    retrieval: deployment.retrieval,
    tools: deployment.tools?.length ? await registry.toolsOf(principal.tenant, deployment.tools) : [],
    policy:
      deployment.policy &&
      (await registry.getPolicy(principal.tenant, deployment.policy.name, deployment.policy.revision)),
  };
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

/** `assistant` or `assistant@3`; null where it can be neither. */
export function parseModelName(model: string): { deployment: string; version: number | null } | null {
  const match = /^([^@]+)(?:@([1-9]\d{0,8}))?$/.exec(model);
  return match === null ? null : { deployment: match[1]!, version: match[2] === undefined ? null : Number(match[2]) };
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
