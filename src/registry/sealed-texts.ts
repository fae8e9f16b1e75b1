import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { Registry } from '../contracts/registry.js';
import type { Owner } from '../contracts/stored-responses.js';
import type { Database } from './tables/tables.js';

const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Texts that clients keep for us. The key is drawn from the one that this data folder has, and is of no other use. */
export async function createSealedTexts(db: Database): Promise<Pick<Registry, 'sealText' | 'openText'>> {
  const { key } = await db.selectFrom('userHashKey').selectAll().executeTakeFirstOrThrow();
  const own = Buffer.from(hkdfSync('sha256', key, '', 'sealed texts', 32));
  const scopeOf = ({ tenant, audience }: Owner) => Buffer.from(JSON.stringify([tenant, audience]));
  return {
    sealText(owner, text) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(CIPHER, own, iv).setAAD(scopeOf(owner));
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url');
    },

    openText(owner, given) {
      const bytes = Buffer.from(given, 'base64url');
      const textAt = IV_BYTES + TAG_BYTES;
      if (bytes.length < textAt) return null;
      const decipher = createDecipheriv(CIPHER, own, bytes.subarray(0, IV_BYTES)).setAAD(scopeOf(owner));
      decipher.setAuthTag(bytes.subarray(IV_BYTES, textAt));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(textAt)), decipher.final()]).toString('utf8');
      } catch {
        return null;
      }
    },
  };
}
