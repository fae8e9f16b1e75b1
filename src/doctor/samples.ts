import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/schema.js';
import type { VersionSources } from '../contracts/versions.js';
import { NEWER_SAMPLES, newerSamples, UPDATE_SAMPLES } from '../demo/newer.js';
import { readManifest } from '../layouts/manifest.js';
import { type Finding, good, poor } from './finding.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface Row {
  readonly tenant: string;
  readonly name: string;
  readonly sources: string | null;
}

/** Whether the sample tenants answer by the adapters that come with this gateway. */
export async function checkSamples({ dataDir, demo, models }: Config): Promise<Finding[]> {
  const manifest = await readManifest(join(dataDir, 'models', models.base));
  const file = join(dataDir, 'registry.db');
  if (!demo || manifest?.format !== 'switchyard-decoder-2' || !existsSync(file)) return [];
  let rows: readonly Row[];
  try {
    rows = await readVersions(file, manifest.baseDigest);
  } catch {
    // A database that cannot be read has a finding of its own, and one of an older gateway is brought up to date by the next start.
    return [];
  }
  const versions = rows.map(({ sources, ...version }) => ({
    ...version,
    sources: sources === null ? null : (JSON.parse(sources) as VersionSources),
  }));
  const newer = newerSamples(models.base, ROOT, versions);
  const what = 'samples';
  if (newer.length === 0) return [good(what, 'as they come with this gateway')];
  return [
    poor(
      what,
      `${NEWER_SAMPLES}: ${[...new Set(newer.map(({ tenant }) => tenant))].join(', ')}`,
      `While the gateway runs, ${UPDATE_SAMPLES}.`,
    ),
  ];
}

async function readVersions(file: string, baseDigest: string): Promise<readonly Row[]> {
  const { Sqlite } = await import('../sqlite/open.js');
  const database = new Sqlite(file, { readonly: true, fileMustExist: true });
  try {
    return database
      .prepare('SELECT tenant, name, sources FROM adapters WHERE base_digest = ?')
      .all(baseDigest) as readonly Row[];
  } finally {
    database.close();
  }
}
