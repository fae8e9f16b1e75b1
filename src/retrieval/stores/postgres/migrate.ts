import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { AppError } from '../../../errors/app-error.js';
import { withClient } from './client.js';
import { MIGRATIONS } from './migrations.js';

/** Where our tables are, in whichever database. */
export const SCHEMA = 'switchyard';
const VERSION_KEY = 'schema';
/** Two that migrate follow one another. */
const LOCK = 'select pg_advisory_lock(hashtextextended($1, 0))';
/** Since then whoever is not the owner of a table can be allowed to vacuum it. */
const MAINTAIN_SINCE = 170_000;
const UNDEFINED_TABLE = '42P01';

/** What a gateway connects as. */
interface GatewayRole {
  readonly name: string;
  readonly password: string;
}

/**
 * Creates our tables in a database, or brings them to what this version needs, and lets the gateway's role use them. The role is
 * created where there is none. May be run as often as one likes, also while gateways use the database.
 * @param ownerUrl of a role that may create extensions, schemas and roles; it owns the tables
 * @param gatewayUrl as the gateway will have it
 * @param steps that are known; fewer for a database as an older version had it
 * @returns how many migrations were applied
 * @throws AppError `config_invalid`
 */
export async function migratePostgres(
  ownerUrl: string,
  gatewayUrl: string,
  steps = MIGRATIONS.length,
): Promise<number> {
  const role = gatewayRole(gatewayUrl);
  return withClient(ownerUrl, async (client) => {
    await client.query(LOCK, [SCHEMA]);
    await client.query('create extension if not exists vector');
    await client.query(`create schema if not exists ${SCHEMA}`);
    const vectorSchema = await findTables(client);
    await client.query('create table if not exists meta (key text primary key, value text not null)');
    const known = (await schemaVersion((sql, values) => client.query(sql, values))) ?? 0;
    checkNotNewer(known);
    for (let next = known; next < steps; next++) await apply(client, next);
    await allow(client, role, vectorSchema);
    return steps - known;
  });
}

/** Our tables have their names alone on this connection, whoever's it is. @returns the schema of pgvector */
export async function findTables(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ schema: string }>(
    `select extnamespace::regnamespace::text as schema from pg_extension where extname = 'vector'`,
  );
  const { schema } = rows[0]!;
  await client.query(`set search_path = ${SCHEMA}, ${schema}`);
  return schema;
}

/** Asks for rows. */
type Query = (sql: string, values: string[]) => Promise<{ rows: readonly unknown[] }>;

/**
 * Sees to it that a gateway may use a database: its tables are those of this version, and the role is bound by row-level security.
 * @throws AppError `config_invalid`
 */
export async function checkPostgres(query: Query): Promise<void> {
  const version = await schemaVersion(query);
  if (version === null || version < MIGRATIONS.length) {
    const state = version === null ? 'has no tables of ours' : `has tables of an older version (schema ${version})`;
    throw invalid(
      `the database ${state}. Run "switchyard database migrate" as the role that is to own them, then start again`,
    );
  }
  checkNotNewer(version);
  const { rows } = await query(
    `select rolname as name, rolsuper or rolbypassrls as exempt,
      exists (select 1 from pg_class where relnamespace = $1::regnamespace and relkind = 'r' and pg_has_role(relowner, 'usage')) as owner
      from pg_roles where rolname = current_user`,
    [SCHEMA],
  );
  const { name, exempt, owner } = rows[0] as { name: string; exempt: boolean; owner: boolean };
  if (exempt || owner) {
    const why = exempt ? 'is a superuser or has BYPASSRLS' : 'owns the tables';
    throw invalid(
      `the role "${name}" of database.url ${why}, so that row-level security would not bind it. Use a role of its own`,
    );
  }
}

/** null: there is no table. */
async function schemaVersion(query: Query): Promise<number | null> {
  try {
    const { rows } = await query('select value from meta where key = $1', [VERSION_KEY]);
    return Number((rows[0] as { value: string } | undefined)?.value ?? 0);
  } catch (error) {
    if ((error as { code?: string }).code === UNDEFINED_TABLE) return null;
    throw error;
  }
}

function checkNotNewer(version: number): void {
  if (version <= MIGRATIONS.length) return;
  throw invalid(
    `the database was written by a newer version (schema ${version}, this one knows ${MIGRATIONS.length}). Start that version, or use another database`,
  );
}

async function apply(client: pg.Client, step: number): Promise<void> {
  await client.query('begin');
  try {
    await client.query(MIGRATIONS[step]!);
    await client.query(
      'insert into meta (key, value) values ($1, $2) on conflict (key) do update set value = excluded.value',
      [VERSION_KEY, String(step + 1)],
    );
    await client.query('insert into meta (key, value) values ($1, $2) on conflict do nothing', [
      'database_id',
      randomUUID(),
    ]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

/** What the gateway's role needs and no more. */
async function allow(client: pg.Client, { name, password }: GatewayRole, vectorSchema: string): Promise<void> {
  const role = client.escapeIdentifier(name);
  const known = await client.query('select 1 from pg_roles where rolname = $1', [name]);
  if (known.rowCount === 0) await client.query(`create role ${role} login password ${client.escapeLiteral(password)}`);
  const { rows } = await client.query<{ version: number; database: string }>(
    `select current_setting('server_version_num')::int as version, current_database() as database`,
  );
  const maintain = rows[0]!.version >= MAINTAIN_SINCE ? ', maintain' : '';
  const database = client.escapeIdentifier(rows[0]!.database);
  await client.query(`
    grant usage on schema ${SCHEMA} to ${role};
    grant select, insert, update, delete${maintain} on all tables in schema ${SCHEMA} to ${role};
    revoke update on ${SCHEMA}.audit_outbox from ${role};
    grant execute on function index_vectors to ${role};
    alter role ${role} in database ${database} set search_path = ${SCHEMA}, ${vectorSchema}`);
}

/** @throws AppError `config_invalid` where the URL names no role */
function gatewayRole(url: string): GatewayRole {
  const { username, password } = new URL(url);
  if (username === '') throw invalid('database.url must name the role that the gateway connects as');
  return { name: decodeURIComponent(username), password: decodeURIComponent(password) };
}

function invalid(reason: string): AppError {
  return new AppError('config_invalid', { reason });
}
