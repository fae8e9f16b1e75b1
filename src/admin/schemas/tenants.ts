/** Shapes of tenants, keys and signers. */

import { Type } from 'typebox';
import {
  GROUP_PATTERN,
  MAX_CALLER_GROUPS,
  MAX_KEY_GRACE_MS,
  MAX_KEY_LABEL,
  MAX_TENANT_NAME,
  NAME_PATTERN,
  SCOPES,
  SIGNER_PURPOSES,
} from '../../contracts/registry-limits.js';
import { closed, Name, nullable, Revision, Time } from './common.js';

const ScopeSchema = Type.Enum([...SCOPES], {
  description:
    '`route` may pin a version or force an arm by header; `groups` may say by header which groups the caller is in; `release` is what this API has of versions and deployments, `tenant-admin` all of it, both for the tenant of the key; `admin` is all of it for every tenant.',
});

export const KeyParams = Type.Object({ tenant: Type.String(), keyId: Type.String() });
const TenantName = Type.String({ maxLength: MAX_TENANT_NAME });
export const TenantBody = Type.Object({ id: Name, name: TenantName }, closed);
export const TenantNameBody = Type.Object({ name: TenantName }, closed);
export const TenantSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  createdAt: Time,
  revision: Revision,
});

export const KeyBody = Type.Object(
  {
    label: Type.String({ maxLength: MAX_KEY_LABEL }),
    scopes: Type.Array(ScopeSchema, { minItems: 1, maxItems: SCOPES.length }),
    groups: Type.Optional(
      Type.Array(Type.String({ pattern: GROUP_PATTERN }), {
        maxItems: MAX_CALLER_GROUPS,
        description: 'Of whoever uses it: what they may see is found with it, beside what everybody may.',
      }),
    ),
    expiresAt: Type.Optional(nullable(Type.Integer({ description: 'Milliseconds since the epoch; null: never.' }))),
  },
  closed,
);

export const KeySchema = Type.Object({
  id: Type.String(),
  tenant: Type.String(),
  label: Type.String(),
  scopes: Type.Array(ScopeSchema),
  groups: Type.Array(Type.String()),
  createdAt: Time,
  revokedAt: nullable(Time),
  expiresAt: nullable(Time),
  lastUsedAt: nullable(Type.Integer({ description: 'Milliseconds since the epoch, to a minute.' })),
  rotatedAt: nullable(Time),
  previousUntil: nullable(
    Type.Integer({
      description: 'Until when the secret before the last rotation opens, in milliseconds since the epoch.',
    }),
  ),
  revision: Type.Integer({ description: 'Grows by one with every change; that it is used is none.' }),
});

export const RotateBody = Type.Object(
  {
    graceMs: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: MAX_KEY_GRACE_MS,
        description: 'How long the secret of before opens still; by default not at all.',
      }),
    ),
  },
  closed,
);

export const ScopesBody = Type.Object(
  { scopes: Type.Array(ScopeSchema, { minItems: 1, maxItems: SCOPES.length }) },
  closed,
);

export const NewKeySchema = Type.Object({
  ...KeySchema.properties,
  secret: Type.String({ description: 'The key itself. It is shown this once and stored only as a hash.' }),
});

const PurposeSchema = Type.Enum([...SIGNER_PURPOSES], {
  description: 'What it signs: tokens that tell groups (default), or adapters.',
});

export const SignerParams = Type.Object({ tenant: Type.String(), name: Type.String() });
export const SignerBody = Type.Object(
  {
    name: Type.String({ pattern: NAME_PATTERN, description: 'The `kid` of its tokens.' }),
    publicKey: Type.String({ maxLength: 4096, description: 'PEM: Ed25519, P-256 or RSA; for adapters Ed25519.' }),
    purpose: Type.Optional(PurposeSchema),
  },
  closed,
);

export const SignerSchema = Type.Object({
  tenant: Type.String(),
  name: Type.String(),
  algorithm: Type.Enum(['EdDSA', 'ES256', 'RS256']),
  purpose: PurposeSchema,
  createdAt: Time,
});
