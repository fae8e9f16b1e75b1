import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../contracts/clock.js';
import type { ApiKeyInfo, Registry, Scope } from '../contracts/registry.js';
import { MAX_CALLER_GROUPS, MAX_KEY_LABEL, SCOPES } from '../contracts/registry-limits.js';
import { AppError } from '../errors/app-error.js';
import type { Audited, Database, KeyRow } from './database.js';
import type { ReadCache } from './read-cache.js';
import { requireTenant } from './tenants.js';
import { invalid, validGroups, validText } from './validate.js';

/** Keys with this prefix are printed in the README: they open nothing unless the demo runs. */
const DEMO_PREFIX = 'sk-demo-';
const MAX_SECRET_CHARS = 256;

type Keys = Pick<Registry, 'authenticate' | 'createKey' | 'listKeys' | 'revokeKey'>;

export function createKeys({
  db,
  clock,
  audit,
  cache,
  demo,
}: {
  db: Database;
  clock: Clock;
  audit: Audited;
  cache: ReadCache;
  demo: boolean;
}): Keys {
  return {
    async authenticate(key) {
      if (key.length > MAX_SECRET_CHARS || (!demo && key.startsWith(DEMO_PREFIX))) return null;
      const hash = hashOf(key);
      return cache.get(`key ${hash.toString('base64')}`, async () => {
        const row = await db.selectFrom('keys').selectAll().where('hash', '=', hash).executeTakeFirst();
        if (!row || !timingSafeEqual(row.hash, hash) || row.revokedAt !== null) return null;
        const { scopes, groups } = keyInfo(row);
        return { keyId: row.id, tenant: row.tenant, scopes, groups: groups.length === 0 ? null : groups };
      });
    },

    async createKey({ tenant, label, scopes, groups = [], secret = newSecret() }) {
      const row: KeyRow = {
        id: `key_${randomBytes(12).toString('hex')}`,
        tenant,
        label: validText('label', label, MAX_KEY_LABEL),
        scopes: JSON.stringify(validScopes(scopes)),
        groups: JSON.stringify(validGroups('groups', groups, MAX_CALLER_GROUPS)),
        hash: hashOf(secret),
        createdAt: clock.now(),
        revokedAt: null,
      };
      await db.transaction().execute(async (trx) => {
        await requireTenant(trx, tenant);
        const { numInsertedOrUpdatedRows } = await trx
          .insertInto('keys')
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirstOrThrow();
        if (numInsertedOrUpdatedRows === 0n) throw new AppError('already_exists', { what: 'Key', id: label });
        await audit(trx, { tenant, action: 'key.created', subject: row.id, before: null, after: keyInfo(row) });
      });
      return { ...keyInfo(row), secret };
    },

    async listKeys(tenant) {
      await requireTenant(db, tenant);
      const rows = await db
        .selectFrom('keys')
        .selectAll()
        .where('tenant', '=', tenant)
        .orderBy('createdAt')
        .orderBy('id')
        .execute();
      return rows.map(keyInfo);
    },

    async revokeKey(tenant, keyId) {
      return db.transaction().execute(async (trx) => {
        const row = await trx
          .selectFrom('keys')
          .selectAll()
          .where('tenant', '=', tenant)
          .where('id', '=', keyId)
          .executeTakeFirst();
        if (!row) throw new AppError('not_found', { what: 'Key', id: keyId });
        const before = keyInfo(row);
        if (before.revokedAt !== null) return before;
        const after = { ...before, revokedAt: clock.now() };
        await trx.updateTable('keys').set({ revokedAt: after.revokedAt }).where('id', '=', keyId).execute();
        await audit(trx, { tenant, action: 'key.revoked', subject: keyId, before, after });
        return after;
      });
    },
  };
}

/** 256 random bits: a plain SHA-256 of them cannot be searched, so no slow hash is needed on every request. */
function newSecret(): string {
  return `sk-${randomBytes(32).toString('base64url')}`;
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

function validScopes(scopes: readonly Scope[]): readonly Scope[] {
  const unknown = scopes.find((scope) => !SCOPES.includes(scope));
  if (unknown === undefined && scopes.length > 0) return [...new Set(scopes)];
  throw invalid('scopes', `must hold at least one of ${SCOPES.join(', ')}, got ${JSON.stringify(scopes)}`);
}

function keyInfo({ hash: _, scopes, groups, ...row }: KeyRow): ApiKeyInfo {
  return { ...row, scopes: JSON.parse(scopes), groups: JSON.parse(groups) };
}
