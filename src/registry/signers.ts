import { createPublicKey, type KeyObject } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import type { Clock } from '../contracts/clock.js';
import type { Registry, Signer } from '../contracts/registry.js';
import { MAX_CALLER_GROUPS } from '../contracts/registry-limits.js';
import { AppError } from '../errors/app-error.js';
import type { Audited } from './database.js';
import type { Database } from './tables/tables.js';
import type { SignerRow } from './tables/tenants.js';
import { requireTenant } from './tenants.js';
import { invalid, validGroups, validName } from './validate.js';

/** A token that is valid for longer would outlive what it says. */
const LONGEST_VALIDITY_S = 3600;
/** Clocks of two machines differ. */
const CLOCK_TOLERANCE_S = 5;
const LEAST_RSA_BITS = 2048;

type Signers = Pick<Registry, 'addSigner' | 'listSigners' | 'removeSigner' | 'readGroupsToken'>;

/**
 * Signers of a tenant, and what their tokens say: signed claims (RFC 7519) `groups`, `aud` (the tenant) and `exp`, at most an
 * hour ahead, with the signer's name as `kid`. Only public keys are kept, and each stands for one algorithm.
 */
export function createSigners({ db, clock, audit }: { db: Database; clock: Clock; audit: Audited }): Signers {
  const find = (tenant: string, name: string) =>
    db.selectFrom('signers').selectAll().where('tenant', '=', tenant).where('name', '=', name).executeTakeFirst();

  return {
    async addSigner({ tenant, name, publicKey, purpose = 'groups' }) {
      const key = readPublicKey(publicKey);
      const algorithm = algorithmOf(key);
      if (purpose === 'adapters' && algorithm !== 'EdDSA') throw invalid('publicKey', 'must be Ed25519 for adapters');
      const row: SignerRow = {
        tenant,
        name: validName('name', name),
        algorithm,
        purpose,
        publicKey: key.export({ type: 'spki', format: 'pem' }).toString(),
        createdAt: clock.now(),
      };
      await db.transaction().execute(async (trx) => {
        await requireTenant(trx, tenant);
        const { numInsertedOrUpdatedRows } = await trx
          .insertInto('signers')
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirstOrThrow();
        if (numInsertedOrUpdatedRows === 0n) throw new AppError('already_exists', { what: 'Signer', id: name });
        await audit(trx, { tenant, action: 'signer.added', subject: name, before: null, after: row });
      });
      return toSigner(row);
    },

    async listSigners(tenant) {
      await requireTenant(db, tenant);
      const rows = await db.selectFrom('signers').selectAll().where('tenant', '=', tenant).orderBy('name').execute();
      return rows.map(toSigner);
    },

    async removeSigner(tenant, name) {
      return db.transaction().execute(async (trx) => {
        const row = await trx
          .deleteFrom('signers')
          .where('tenant', '=', tenant)
          .where('name', '=', name)
          .returningAll()
          .executeTakeFirst();
        if (!row) throw new AppError('not_found', { what: 'Signer', id: name });
        await audit(trx, { tenant, action: 'signer.removed', subject: name, before: row, after: null });
        return toSigner(row);
      });
    },

    async readGroupsToken(tenant, token) {
      const keyOf = async ({ alg, kid }: { alg?: string; kid?: string }) => {
        const signer = kid === undefined ? undefined : await find(tenant, kid);
        if (signer?.purpose !== 'groups') throw refused('its kid names no signer of this tenant');
        if (alg !== signer.algorithm) throw refused(`its signer signs with ${signer.algorithm}`);
        return createPublicKey(signer.publicKey);
      };
      const nowMs = clock.now();
      try {
        const { payload } = await jwtVerify(token, keyOf, {
          audience: tenant,
          requiredClaims: ['exp', 'groups'],
          clockTolerance: CLOCK_TOLERANCE_S,
          currentDate: new Date(nowMs),
        });
        const { exp, groups } = payload;
        if (exp! > nowMs / 1000 + LONGEST_VALIDITY_S + CLOCK_TOLERANCE_S) {
          throw refused(`it is valid for more than ${LONGEST_VALIDITY_S} s from now`);
        }
        if (!Array.isArray(groups) || !groups.every((group) => typeof group === 'string')) {
          throw refused('its groups are no list of names');
        }
        return validGroups('groups', groups, MAX_CALLER_GROUPS);
      } catch (error) {
        if (error instanceof AppError && error.code === 'invalid_groups_token') throw error;
        throw refused(reasonOf(error), error);
      }
    },
  };
}

function readPublicKey(pem: string): KeyObject {
  // Node would derive the public key from it, and the private one would have been sent around.
  if (/PRIVATE KEY/.test(pem)) throw invalid('publicKey', 'is a private key. Send the public one, and make a new pair');
  try {
    return createPublicKey(pem);
  } catch {
    throw invalid('publicKey', 'must be a public key in PEM, as `openssl pkey -pubout` writes it');
  }
}

function algorithmOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): Signer['algorithm'] {
  if (type === 'ed25519') return 'EdDSA';
  if (type === 'ec' && details?.namedCurve === 'prime256v1') return 'ES256';
  if (type === 'rsa' && details!.modulusLength! >= LEAST_RSA_BITS) return 'RS256';
  throw invalid('publicKey', `must be Ed25519, P-256, or RSA of at least ${LEAST_RSA_BITS} bits`);
}

function toSigner({ publicKey: _, ...signer }: SignerRow): Signer {
  return signer;
}

function reasonOf(error: unknown): string {
  if (error instanceof AppError) return error.message.replace(/\.$/, '');
  if (error instanceof errors.JWTExpired) return 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed) return `its claim ${error.claim} is missing or wrong`;
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature is wrong';
  return 'it is no signed JSON Web Token';
}

function refused(reason: string, cause?: unknown): AppError {
  return new AppError('invalid_groups_token', { reason }, { cause });
}
