import { join } from 'node:path';
import type { Registry } from '../contracts/registry.js';
import type { Retrieval } from '../contracts/retrieval.js';
import { defaultStore, readDocuments, seedDocuments } from './demo-documents.js';
import { DEMO_TENANTS, type DemoAssistant } from './demo-tenants.js';

const DEPLOYMENT = 'assistant';
const KEY_LABEL = 'demo';
const POLL_MS = 200;

/**
 * Creates what is missing of the sample tenants, and leaves alone what is there: a promoted canary stays promoted, a
 * revoked key stays revoked. When it resolves everything is durable; new documents may still wait for ingestion.
 */
export async function seedDemo({
  registry,
  retrieval,
  root,
}: {
  registry: Registry;
  retrieval: Retrieval;
  /** Folder of the repository. */
  root: string;
}): Promise<void> {
  const tenants = new Set((await registry.listTenants()).map(({ id }) => id));
  for (const { id, name, secret, scopes, assistant } of DEMO_TENANTS) {
    if (!tenants.has(id)) await registry.createTenant({ id, name });
    if (!(await registry.listKeys(id)).some(({ label }) => label === KEY_LABEL)) {
      await registry.createKey({ tenant: id, label: KEY_LABEL, scopes, secret });
    }
    if (assistant === null) continue;
    await seedAdapters(registry, root, id, assistant.adapterFolders);
    await seedDeployment(registry, id, assistant);
    const documents = assistant.documents.flatMap(({ folder, prefix }) => readDocuments(join(root, folder), prefix));
    await seedDocuments(retrieval, id, documents);
  }
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

/** The adapter is called like its tenant. */
async function seedAdapters(registry: Registry, root: string, tenant: string, folders: readonly string[]) {
  const known = new Set((await registry.listAdapters(tenant)).map(({ name, version }) => `${name}@${version}`));
  for (const [index, folder] of folders.entries()) {
    const version = index + 1;
    if (known.has(`${tenant}@${version}`)) continue;
    await registry.addAdapter({ tenant, name: tenant, folder: join(root, folder), version });
  }
}

async function seedDeployment(
  registry: Registry,
  tenant: string,
  { instructions, retrieval, canaryVersion }: DemoAssistant,
): Promise<void> {
  if ((await registry.listDeployments(tenant)).some(({ name }) => name === DEPLOYMENT)) return;
  await registry.putDeployment({
    tenant,
    name: DEPLOYMENT,
    adapter: tenant,
    stableVersion: 1,
    instructions,
    retrieval,
  });
  if (canaryVersion !== null) await registry.setCanary(tenant, DEPLOYMENT, { version: canaryVersion, weight: 0 });
}
