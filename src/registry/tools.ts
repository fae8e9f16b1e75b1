import type { Clock } from '../contracts/clock.js';
import type { HttpTool, ToolCaller } from '../contracts/http-tools.js';
import type { Registry } from '../contracts/registry.js';
import { AppError } from '../errors/app-error.js';
import type { Audited } from './database.js';
import type { ReadCache } from './read-cache.js';
import type { ToolRow } from './tables/deployments.js';
import type { Database } from './tables/tables.js';
import { requireTenant } from './tenants.js';
import { invalid, validInteger } from './validate.js';

type Tools = Pick<Registry, 'putTool' | 'listTools' | 'removeTool' | 'toolsOf' | 'toolSecret'>;

interface Options {
  readonly db: Database;
  readonly clock: Clock;
  readonly audit: Audited;
  readonly cache: ReadCache;
  readonly checkUrl: ToolCaller['checkUrl'];
}

const LONGEST_TIMEOUT_MS = 60_000;
/** Arguments are checked on the gateway's thread, and a regular expression may run for ever. */
const PATTERN = /"pattern(?:Properties)?":/;

/** Functions that the gateway calls for a tenant's deployments. Secrets leave through `toolSecret` alone. */
export function createTools({ db, clock, audit, cache, checkUrl }: Options): Tools {
  const rowsOf = (trx: Database, tenant: string) =>
    trx.selectFrom('tools').selectAll().where('tenant', '=', tenant).orderBy('name').execute();

  return {
    async putTool({ tenant, name, secret, parameters, mcpTool = null, ...given }) {
      if (!/^[a-zA-Z0-9_-]{1,64}$/.test(name)) throw invalid('name', 'must be 1 to 64 letters A to Z, digits, _ and -');
      if (parameters.type !== 'object') throw invalid('parameters.type', 'must be object');
      if (PATTERN.test(JSON.stringify(parameters)))
        throw invalid('parameters', 'must hold no pattern; use enum or maxLength');
      validInteger('timeoutMs', given.timeoutMs, 1, LONGEST_TIMEOUT_MS);
      if (mcpTool !== null && given.method === 'GET')
        throw invalid('method', 'must be POST for a tool of an MCP server');
      checkUrl(given.url);
      return db.transaction().execute(async (trx) => {
        await requireTenant(trx, tenant);
        const current = (await rowsOf(trx, tenant)).find((row) => row.name === name);
        // A secret goes where its owner sent it, and nowhere else.
        const isMoved = current !== undefined && new URL(current.url).origin !== new URL(given.url).origin;
        const kept = secret === undefined ? (!isMoved && current?.secret) || null : secret;
        const now = clock.now();
        const settings = { ...given, mcpTool, parameters: JSON.stringify(parameters), secret: kept };
        const row: ToolRow = { tenant, name, ...settings, createdAt: current?.createdAt ?? now, updatedAt: now };
        await trx
          .insertInto('tools')
          .values(row)
          .onConflict((conflict) => conflict.columns(['tenant', 'name']).doUpdateSet({ ...settings, updatedAt: now }))
          .execute();
        const [before, after] = [current ? toTool(current) : null, toTool(row)];
        await audit(trx, { tenant, action: 'tool.put', subject: name, before, after });
        return after;
      });
    },

    async listTools(tenant) {
      await requireTenant(db, tenant);
      return (await rowsOf(db, tenant)).map(toTool);
    },

    async removeTool(tenant, name) {
      return db.transaction().execute(async (trx) => {
        const users = await trx
          .selectFrom('deployments')
          .select(['name', 'tools'])
          .where('tenant', '=', tenant)
          .execute();
        const user = users.find(({ tools }) => (JSON.parse(tools) as string[]).includes(name));
        if (user) throw invalid('name', `is used by the deployment ${user.name}; take it out there first`);
        const row = await trx
          .deleteFrom('tools')
          .where('tenant', '=', tenant)
          .where('name', '=', name)
          .returningAll()
          .executeTakeFirst();
        if (!row) throw new AppError('not_found', { what: 'Tool', id: name });
        await audit(trx, { tenant, action: 'tool.removed', subject: name, before: toTool(row), after: null });
        return toTool(row);
      });
    },

    toolsOf: (tenant, names) =>
      Promise.all(
        names.map((name) =>
          cache.get(`tool ${tenant} ${name}`, async () => toTool(await requireTool(db, tenant, name))),
        ),
      ),

    async toolSecret(tenant, name) {
      return (await requireTool(db, tenant, name)).secret;
    },
  };
}

/** @throws AppError `not_found` */
export async function requireTool(db: Database, tenant: string, name: string): Promise<ToolRow> {
  const all = db.selectFrom('tools').selectAll().where('tenant', '=', tenant).where('name', '=', name);
  const row = await all.executeTakeFirst();
  if (!row) throw new AppError('not_found', { what: 'Tool', id: name });
  return row;
}

function toTool({ secret, parameters, ...row }: ToolRow): HttpTool {
  return { ...row, parameters: JSON.parse(parameters), strict: false, hasSecret: secret !== null };
}
