/** The tables of `registry.db`, as numbered steps. A step that was released is never edited: add the next one. */
import { DEFAULT_MIGRATION_TABLE, type Kysely, type Migration, Migrator, sql } from 'kysely';
import { AppError } from '../errors/app-error.js';
import { answerSteps } from './migrations/answers.js';
import { deploymentSteps } from './migrations/deployments.js';
import { tenantSteps } from './migrations/tenants.js';
import { textSteps } from './migrations/texts.js';
import { versionSteps } from './migrations/versions.js';

const MIGRATIONS: Readonly<Record<string, Migration>> = {
  ...tenantSteps,
  ...answerSteps,
  ...deploymentSteps,
  ...textSteps,
  ...versionSteps,
};

/**
 * Brings the tables to the newest step, or to the last one before `end`; each step is one transaction.
 * @throws AppError `config_invalid` where a newer version of the product wrote the database
 */
export async function migrate<T>(db: Kysely<T>, end = '9'): Promise<void> {
  const steps = Object.fromEntries(Object.entries(MIGRATIONS).filter(([name]) => name < end));
  // Steps are numbered as they are written and released as they are done: one may come behind a later number.
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => steps },
    allowUnorderedMigrations: true,
  });
  await refuseNewer(db, steps);
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
}

async function refuseNewer<T>(db: Kysely<T>, steps: Readonly<Record<string, Migration>>): Promise<void> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some(({ name }) => name === DEFAULT_MIGRATION_TABLE)) return;
  const { rows } = await sql<{ name: string }>`SELECT name FROM ${sql.table(DEFAULT_MIGRATION_TABLE)}`.execute(db);
  const unknown = rows.map(({ name }) => name).find((name) => !(name in steps));
  if (unknown === undefined) return;
  throw new AppError('config_invalid', {
    reason: `registry.db was written by a newer version (schema ${unknown}, which this one does not know). Start that version, restore a backup that this one made, or set dataDir to another folder`,
  });
}
