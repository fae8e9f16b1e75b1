import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BaseModel } from '../contracts/generator.js';
import type { Registry } from '../contracts/registry.js';
import type { Retrieval } from '../contracts/retrieval.js';
import type { PolicyRef, SafetyRules } from '../contracts/safety.js';
import { defaultStore, readDocuments, seedDocuments } from './documents.js';
import { newerSamples, type SampleAdapter } from './newer.js';
import { DEMO_TENANTS, type DemoAssistant } from './tenants.js';

const DEPLOYMENT = 'assistant';
const KEY_LABEL = 'demo';
const POLL_MS = 200;

/** Whether the samples have adapters for this base: on another they would answer without them, and worse than they should. */
export function isDemoFor(base: string, root: string): boolean {
  return DEMO_TENANTS.some(({ assistant }) =>
    assistant?.adapters.some((name) => existsSync(join(root, 'adapters', base, name))),
  );
}

/**
 * Creates what is missing of the sample tenants, and leaves alone what is there: a promoted canary stays promoted, a
 * revoked key stays revoked. When it resolves everything is durable; new documents may still wait for ingestion.
 * @returns sample adapters that are newer than what was there
 */
export async function seedDemo({
  registry,
  retrieval,
  base,
  embedder,
  root,
}: {
  registry: Registry;
  retrieval: Retrieval;
  /** The base model that runs: the samples' adapters for it are taken; where there are none, it answers alone. */
  base: Pick<BaseModel, 'id' | 'baseDigest'>;
  /** The embedding model that runs. */
  embedder: string;
  /** Folder of the repository. */
  root: string;
}): Promise<SampleAdapter[]> {
  const tenants = new Set((await registry.listTenants()).map(({ id }) => id));
  for (const { id, name, secret, scopes, assistant } of DEMO_TENANTS) {
    if (!tenants.has(id)) await registry.createTenant({ id, name });
    if (!(await registry.listKeys(id)).some(({ label }) => label === KEY_LABEL)) {
      await registry.createKey({ tenant: id, label: KEY_LABEL, scopes, secret });
    }
    if (assistant === null) continue;
    const folders = assistant.adapters.map((name) => join(root, 'adapters', base.id, name)).filter(existsSync);
    const versions = await seedAdapters(registry, id, base.baseDigest, folders);
    const policy = assistant.policy?.embedder === embedder ? assistant.policy : null;
    await seedDeployment(
      registry,
      id,
      assistant,
      versions,
      async () => policy && putPolicy(registry, id, policy, root),
    );
    await seedDocuments(retrieval, id, readDocuments(assistant.documents, root));
  }
  const versions = await Promise.all(DEMO_TENANTS.map(({ id }) => registry.listAdapters(id)));
  return newerSamples(
    base.id,
    root,
    versions.flat().filter(({ baseDigest }) => baseDigest === base.baseDigest),
  );
}

/** Resolves when every document of the sample tenants is searchable, telling meanwhile how many are, or on abort. */
export async function waitForDemoDocuments(
  retrieval: Retrieval,
  onProgress: (done: number, total: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const ids = DEMO_TENANTS.filter(({ assistant }) => assistant !== null).map(({ id }) => id);
  while (!signal.aborted) {
    const counts = await Promise.all(ids.map(async (id) => (await defaultStore(retrieval, id))?.fileCounts));
    const total = counts.reduce((sum, count) => sum + (count?.total ?? 0), 0);
    const inProgress = counts.reduce((sum, count) => sum + (count?.inProgress ?? 0), 0);
    onProgress(total - inProgress, total);
    if (inProgress === 0) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** The adapter is called like its tenant. Returns its versions for this base model, in the order of their folders. */
async function seedAdapters(
  registry: Registry,
  tenant: string,
  baseDigest: string,
  folders: readonly string[],
): Promise<number[]> {
  const known = (await registry.listAdapters(tenant))
    .filter((adapter) => adapter.name === tenant && adapter.baseDigest === baseDigest)
    .map(({ version }) => version);
  for (const folder of folders.slice(known.length)) {
    known.push((await registry.addAdapter({ tenant, name: tenant, folder })).version);
  }
  return known;
}

async function putPolicy(
  registry: Registry,
  tenant: string,
  { name, file }: NonNullable<DemoAssistant['policy']>,
  root: string,
): Promise<PolicyRef> {
  const rules = JSON.parse(readFileSync(join(root, 'indexes/policies', file), 'utf8')) as SafetyRules;
  const { revision } = await registry.putPolicy({ tenant, name, rules });
  return { name, revision };
}

/** Leaves a deployment alone, unless it names a version that another base model was trained for. */
async function seedDeployment(
  registry: Registry,
  tenant: string,
  { instructions, retrieval }: DemoAssistant,
  versions: readonly number[],
  putOwnPolicy: () => Promise<PolicyRef | null>,
): Promise<void> {
  const current = (await registry.listDeployments(tenant)).find(({ name }) => name === DEPLOYMENT);
  if (current && (current.stableVersion === null || versions.includes(current.stableVersion))) return;
  const [stableVersion = null, canary = null] = versions;
  const adapter = stableVersion === null ? null : tenant;
  // A new one is screened; one that is there keeps what it has.
  const policy = current ? current.policy : await putOwnPolicy();
  await registry.putDeployment({ tenant, name: DEPLOYMENT, adapter, stableVersion, instructions, retrieval, policy });
  if (canary !== null) await registry.setCanary(tenant, DEPLOYMENT, { version: canary, weight: 0 });
}
