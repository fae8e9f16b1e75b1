/** Versions never change, so a data folder that an older gateway seeded keeps its sample adapters until somebody has newer ones answer. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AdapterVersion } from '../contracts/registry.js';
import { DEMO_TENANTS } from './tenants.js';

/** As it comes with this gateway. */
export interface SampleAdapter {
  readonly tenant: string;
  readonly folder: string;
  /** As what it answers at first. */
  readonly place: 'stable' | 'canary';
}

export const NEWER_SAMPLES =
  'newer sample adapters come with this gateway than those that answer from this data folder';
export const UPDATE_SAMPLES = '"npx switchyard samples update" adds them as versions and has them answer';

/**
 * Sample adapters for a base that are none of the versions of their tenants. A tenant without any is left out: the next start gives it
 * what there is.
 * @param versions for this base, of all sample tenants
 * @param root folder of the repository
 */
export function newerSamples(
  base: string,
  root: string,
  versions: readonly Pick<AdapterVersion, 'tenant' | 'name' | 'sources'>[],
): SampleAdapter[] {
  return sampleAdapters(base, root).filter(({ tenant, folder }) => {
    const own = versions.filter((version) => version.tenant === tenant && version.name === tenant);
    const sha256 = createHash('sha256')
      .update(readFileSync(join(folder, 'adapter_model.safetensors')))
      .digest('hex');
    return own.length > 0 && !own.some(({ sources }) => sources?.some((file) => file.sha256 === sha256));
  });
}

/** Those of a tenant in the order in which they answer: the stable one, then its canary. */
export function sampleAdapters(base: string, root: string): SampleAdapter[] {
  return DEMO_TENANTS.flatMap(({ id: tenant, assistant }) =>
    (assistant?.adapters ?? [])
      .map((name, i) => ({
        tenant,
        folder: join(root, 'adapters', base, name),
        place: i === 0 ? ('stable' as const) : ('canary' as const),
      }))
      .filter(({ folder }) => existsSync(folder)),
  );
}
