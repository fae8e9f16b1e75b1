import { createPublicKey, verify } from 'node:crypto';
import type { SourceFile } from '../contracts/adapter.js';
import type { Clock } from '../contracts/clock.js';
import type { Registry } from '../contracts/registry.js';
import type { AdapterSignature } from '../contracts/versions.js';
import { AppError } from '../errors/app-error.js';
import type { Audited } from './database.js';
import type { Database } from './tables/tables.js';
import { requireTenant } from './tenants.js';

type Policies = Pick<Registry, 'getAdapterPolicy' | 'putAdapterPolicy'>;

/** What a tenant asks of the adapters that it is given. */
export function createAdapterPolicies({ db, clock, audit }: { db: Database; clock: Clock; audit: Audited }): Policies {
  return {
    async getAdapterPolicy(tenant) {
      await requireTenant(db, tenant);
      return { requireSignatures: await requiresSignatures(db, tenant) };
    },

    putAdapterPolicy: (tenant, { requireSignatures }) =>
      db.transaction().execute(async (trx) => {
        await requireTenant(trx, tenant);
        const before = { requireSignatures: await requiresSignatures(trx, tenant) };
        const after = { requireSignatures };
        if (before.requireSignatures === requireSignatures) return after;
        const row = {
          tenant,
          requireSignatures: requireSignatures ? (1 as const) : (0 as const),
          updatedAt: clock.now(),
        };
        await trx
          .insertInto('adapterPolicies')
          .values(row)
          .onConflict((conflict) => conflict.column('tenant').doUpdateSet(row))
          .execute();
        await audit(trx, { tenant, action: 'adapter_policy.changed', subject: tenant, before, after });
        return after;
      }),
  };
}

export async function requiresSignatures(db: Database, tenant: string): Promise<boolean> {
  const row = await db.selectFrom('adapterPolicies').selectAll().where('tenant', '=', tenant).executeTakeFirst();
  return row?.requireSignatures === 1;
}

/**
 * Who signed an adapter; null: nobody. What is signed is what `sha256sum` writes of its files, configuration first, so that anybody can
 * make it without Switchyard. @throws AppError `signature_invalid`; `signature_missing` where the tenant asks for one
 */
export async function checkSignature(
  db: Database,
  tenant: string,
  sources: readonly SourceFile[],
  signature: AdapterSignature | null,
): Promise<string | null> {
  if (signature === null) {
    if (await requiresSignatures(db, tenant)) throw new AppError('signature_missing', { what: 'The adapter', tenant });
    return null;
  }
  const signer = await db
    .selectFrom('signers')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('name', '=', signature.signer)
    .where('purpose', '=', 'adapters')
    .executeTakeFirst();
  if (!signer) throw refused(`${signature.signer} is no signer of adapters of this tenant`);
  const signed = Buffer.from(sources.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join(''));
  const bytes = Buffer.from(signature.value, 'base64');
  if (verify(null, signed, createPublicKey(signer.publicKey), bytes)) return signer.name;
  throw refused(`it is not what ${signer.name} would sign for ${sources.map(({ name }) => name).join(' and ')}`);
}

function refused(reason: string): AppError {
  return new AppError('signature_invalid', { reason });
}
