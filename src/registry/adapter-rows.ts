import { resolve } from 'node:path';
import type { AdapterVersion } from '../contracts/registry.js';
import { AppError } from '../errors/app-error.js';
import type { Database } from './tables/tables.js';
import type { AdapterRow } from './tables/versions.js';
import { NO_LINEAGE } from './valid-lineage.js';

/** What the API shows of a version: where the gateway keeps its files is nobody's business. */
export function toVersionInfo({ compiledFile: _, ...row }: AdapterRow): Omit<AdapterVersion, 'compiledFile'> {
  return {
    ...row,
    targets: JSON.parse(row.targets),
    sources: row.sources && JSON.parse(row.sources),
    lineage: row.lineage === null ? NO_LINEAGE : JSON.parse(row.lineage),
  };
}

export function toVersion(row: AdapterRow, dataDir: string): AdapterVersion {
  return { ...toVersionInfo(row), compiledFile: resolve(dataDir, row.compiledFile) };
}

/** @throws AppError `not_found` */
export async function requireVersion(db: Database, tenant: string, name: string, version: number): Promise<AdapterRow> {
  const row = await db
    .selectFrom('adapters')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('name', '=', name)
    .where('version', '=', version)
    .executeTakeFirst();
  if (!row) throw new AppError('not_found', { what: 'Adapter', id: `${name}@${version}` });
  return row;
}
