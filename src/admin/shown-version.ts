import type { AdapterVersion } from '../contracts/registry.js';
import type { AdapterSignature } from '../contracts/versions.js';
import { AppError } from '../errors/app-error.js';

/** @throws AppError `invalid_value` where one of the two is missing */
export function toSignature(signer: string | undefined, value: string | undefined): AdapterSignature | null {
  if (signer !== undefined && value !== undefined) return { signer, value };
  if (signer === undefined && value === undefined) return null;
  const [param, other] = signer === undefined ? ['signer', 'signature'] : ['signature', 'signer'];
  throw new AppError('invalid_value', { param, reason: `is required beside ${other}` });
}

/** Where the gateway keeps its files is nobody's business. */
export function withoutFile({ compiledFile: _, ...version }: AdapterVersion) {
  return version;
}
