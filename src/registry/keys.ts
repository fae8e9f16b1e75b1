import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../contracts/clock.js';
import type { ApiKeyInfo, Principal, Registry, Scope } from '../contracts/registry.js';
import {
  MAX_CALLER_GROUPS,
  MAX_KEY_GRACE_MS,
  MAX_KEY_LABEL,
  MAX_KEY_LIFE_MS,
  SCOPES,
} from '../contracts/registry-limits.js';
import type { IfRevision } from '../contracts/rollouts.js';
import { AppError } from '../errors/app-error.js';
import type { Audited } from './database.js';
import type { ReadCache } from './read-cache.js';
import { requireRevision } from './revision.js';
import type { Database } from './tables/tables.js';
import type { KeyRow } from './tables/tenants.js';
import { requireTenant } from './tenants.js';
import { invalid, validGroups, validInteger, validText } from './validate.js';

/** Keys with this prefix are printed in the README: they open nothing unless the demo runs. */
const DEMO_PREFIX = 'sk-demo-';
const MAX_SECRET_CHARS = 256;

/** A key that is used all the time is written down as used once in this time. */
const USED_EVERY_MS = 60_000;

type Keys = Pick<
  Registry,
  'authenticate' | 'createKey' | 'listKeys' | 'getKey' | 'revokeKey' | 'rotateKey' | 'setKeyScopes'
>;

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
  const noted = new Map<string, number>();

  /** Nobody waits for it, and it may be lost. */
  function noteUse({ id, lastUsedAt }: KeyRow, now: number): void {
    const last = Math.max(lastUsedAt ?? Number.NEGATIVE_INFINITY, noted.get(id) ?? Number.NEGATIVE_INFINITY);
    if (now - last < USED_EVERY_MS) return;
    noted.set(id, now);
    const written = db.updateTable('keys').set({ lastUsedAt: now }).where('id', '=', id).execute();
    written.catch(() => {});
  }

  /** One change of a key, with its line in the audit log. */
  async function save(trx: Database, row: KeyRow, action: string, values: Partial<KeyRow>): Promise<ApiKeyInfo> {
    const changed = { ...values, revision: row.revision + 1 };
    const [before, after] = [keyInfo(row), keyInfo({ ...row, ...changed })];
    await trx.updateTable('keys').set(changed).where('id', '=', row.id).execute();
    await audit(trx, { tenant: row.tenant, action, subject: row.id, before, after });
    return after;
  }

  /** @param set what is to be changed; null: nothing */
  function change(
    tenant: string,
    keyId: string,
    action: string,
    by: IfRevision | undefined,
    set: (key: KeyRow) => Partial<KeyRow> | null,
  ): Promise<ApiKeyInfo> {
    return db.transaction().execute(async (trx) => {
      const row = await requireKey(trx, tenant, keyId);
      requireRevision('key', keyId, row, by);
      const values = set(row);
      return values === null ? keyInfo(row) : save(trx, row, action, values);
    });
  }

  return {
    async authenticate(key) {
      if (key.length > MAX_SECRET_CHARS || (!demo && key.startsWith(DEMO_PREFIX))) return null;
      const hash = hashOf(key);
      const found = await cache.getNow(`key ${hash.toString('base64')}`, () => findKey(db, hash));
      const now = clock.now();
      if (found === null) return null;
      const { row, principal } = found;
      if (row.revokedAt !== null || !opens(row, hash, now)) return null;
      if (row.expiresAt !== null && row.expiresAt <= now) {
        throw new AppError('api_key_expired', { key: row.id, expiredAt: new Date(row.expiresAt).toISOString() });
      }
      noteUse(row, now);
      return principal;
    },

    async createKey({ tenant, label, scopes, groups = [], expiresAt = null, secret = newSecret() }, by) {
      const madeWith = by?.idempotencyKey ?? null;
      const createdAt = clock.now();
      const row: KeyRow = {
        id: `key_${randomBytes(12).toString('hex')}`,
        tenant,
        label: validText('label', label, MAX_KEY_LABEL),
        scopes: JSON.stringify(validScopes(scopes)),
        groups: JSON.stringify(validGroups('groups', groups, MAX_CALLER_GROUPS)),
        hash: hashOf(secret),
        createdAt,
        revokedAt: null,
        expiresAt: validExpiry(expiresAt, createdAt),
        lastUsedAt: null,
        rotatedAt: null,
        previousHash: null,
        previousUntil: null,
        revision: 1,
        madeWith,
        rotatedWith: null,
      };
      return db.transaction().execute(async (trx) => {
        await requireTenant(trx, tenant);
        const made = madeWith === null ? undefined : await keyMadeWith(trx, tenant, madeWith);
        if (made) {
          requireOpen(made);
          requireSame(made, row);
          return { ...(await save(trx, made, 'key.renewed', { hash: row.hash })), secret };
        }
        const { numInsertedOrUpdatedRows } = await trx
          .insertInto('keys')
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirstOrThrow();
        if (numInsertedOrUpdatedRows === 0n) throw new AppError('already_exists', { what: 'Key', id: label });
        await audit(trx, { tenant, action: 'key.created', subject: row.id, before: null, after: keyInfo(row) });
        return { ...keyInfo(row), secret };
      });
    },

    async listKeys(tenant) {
      await requireTenant(db, tenant);
      return (await ofTenant(db, tenant).orderBy('createdAt').orderBy('id').execute()).map(keyInfo);
    },

    getKey: async (tenant, keyId) => keyInfo(await requireKey(db, tenant, keyId)),

    revokeKey: (tenant, keyId, by) =>
      change(tenant, keyId, 'key.revoked', by, ({ revokedAt }) =>
        revokedAt === null ? { revokedAt: clock.now() } : null,
      ),

    async rotateKey(tenant, keyId, graceMs, by) {
      validInteger('graceMs', graceMs, 0, MAX_KEY_GRACE_MS);
      const secret = newSecret();
      const rotatedAt = clock.now();
      const rotatedWith = by?.idempotencyKey ?? null;
      return db.transaction().execute(async (trx) => {
        const row = await requireKey(trx, tenant, keyId);
        requireOpen(row);
        if (rotatedWith !== null && row.rotatedWith === rotatedWith) {
          // The one that was lost goes, and not the one before it, which may be in use.
          return { ...(await save(trx, row, 'key.renewed', { hash: hashOf(secret) })), secret };
        }
        requireRevision('key', keyId, row, by);
        const previousHash = graceMs === 0 ? null : row.hash;
        const previousUntil = previousHash && rotatedAt + graceMs;
        const values = { hash: hashOf(secret), rotatedAt, rotatedWith, previousHash, previousUntil };
        return { ...(await save(trx, row, 'key.rotated', values)), secret };
      });
    },

    setKeyScopes: (tenant, keyId, scopes, by) =>
      change(tenant, keyId, 'key.scopes_changed', by, (row) => {
        requireOpen(row);
        const wanted = JSON.stringify(validScopes(scopes));
        return wanted === row.scopes ? null : { scopes: wanted };
      }),
  };
}

function ofTenant(db: Database, tenant: string) {
  return db.selectFrom('keys').selectAll().where('tenant', '=', tenant);
}

/** @throws AppError `not_found`, for another tenant's too */
async function requireKey(db: Database, tenant: string, keyId: string): Promise<KeyRow> {
  const row = await ofTenant(db, tenant).where('id', '=', keyId).executeTakeFirst();
  if (!row) throw new AppError('not_found', { what: 'Key', id: keyId });
  return row;
}

function keyMadeWith(trx: Database, tenant: string, idempotencyKey: string): Promise<KeyRow | undefined> {
  return ofTenant(trx, tenant).where('madeWith', '=', idempotencyKey).executeTakeFirst();
}

/** Whether a key is what was asked for again, and nobody has rotated it since. @throws AppError `idempotency_key_reused` */
function requireSame(made: KeyRow, asked: KeyRow): void {
  const isSame = (['label', 'scopes', 'groups', 'expiresAt', 'rotatedAt'] as const).every(
    (field) => made[field] === asked[field],
  );
  if (!isSame) throw new AppError('idempotency_key_reused', { idempotencyKey: asked.madeWith! });
}

/** By its secret, or by the one before it; and who asks with it. */
async function findKey(db: Database, hash: Buffer): Promise<{ row: KeyRow; principal: Principal } | null> {
  const row = await db
    .selectFrom('keys')
    .selectAll()
    .where((eb) => eb.or([eb('hash', '=', hash), eb('previousHash', '=', hash)]))
    .executeTakeFirst();
  if (!row) return null;
  const { id: keyId, tenant, scopes, groups } = keyInfo(row);
  return {
    row,
    principal: { keyId, tenant, scopes: withImplied(scopes), groups: groups.length === 0 ? null : groups },
  };
}

/** Whether a secret is the key's, or the one before it and still opens. */
function opens({ hash: own, previousHash, previousUntil }: KeyRow, hash: Buffer, now: number): boolean {
  if (timingSafeEqual(own, hash)) return true;
  return previousHash !== null && timingSafeEqual(previousHash, hash) && previousUntil! > now;
}

function requireOpen({ id, revokedAt }: KeyRow): void {
  if (revokedAt !== null) throw invalid('keyId', `${id} was revoked; create another key`);
}

function validExpiry(expiresAt: number | null, now: number): number | null {
  if (expiresAt === null) return null;
  if (Number.isInteger(expiresAt) && expiresAt > now && expiresAt <= now + MAX_KEY_LIFE_MS) return expiresAt;
  const latest = new Date(now + MAX_KEY_LIFE_MS).toISOString();
  throw invalid(
    'expiresAt',
    `must be a time after now and until ${latest} in milliseconds since the epoch, got ${expiresAt}`,
  );
}

/** 256 random bits: a plain SHA-256 of them cannot be searched, so no slow hash is needed on every request. */
function newSecret(): string {
  return `sk-${randomBytes(32).toString('base64url')}`;
}

function hashOf(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}

/** Whoever administers everything administers each tenant, and whoever administers a tenant releases its versions. */
function withImplied(scopes: readonly Scope[]): readonly Scope[] {
  const implied: Scope[] = scopes.includes('admin') ? ['tenant-admin', 'release'] : [];
  if (scopes.includes('tenant-admin')) implied.push('release');
  return [...new Set([...scopes, ...implied])];
}

function validScopes(scopes: readonly Scope[]): readonly Scope[] {
  const unknown = scopes.find((scope) => !SCOPES.includes(scope));
  if (unknown === undefined && scopes.length > 0) return [...new Set(scopes)];
  throw invalid('scopes', `must hold at least one of ${SCOPES.join(', ')}, got ${JSON.stringify(scopes)}`);
}

function keyInfo({
  hash: _,
  previousHash: __,
  madeWith: ___,
  rotatedWith: ____,
  scopes,
  groups,
  ...row
}: KeyRow): ApiKeyInfo {
  return { ...row, scopes: JSON.parse(scopes), groups: JSON.parse(groups) };
}
