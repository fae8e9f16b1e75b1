/** Shapes of the audit log. */

import { Type } from 'typebox';
import { nullable, Time } from './common.js';

const Any = Type.Unknown({ description: 'As this API shows it; null: it was not there, or is not any more.' });
const Hash = Type.String({ description: 'SHA-256 of a line, in hexadecimal.' });
export const AuditLineSchema = Type.Object({
  seq: Type.Integer({ description: 'From 1 on, without gaps.' }),
  at: Time,
  tenant: Type.String(),
  actor: Type.Object(
    {
      kind: Type.Enum(['key', 'system']),
      id: Type.String(),
      tenant: nullable(Type.String()),
      requestId: nullable(Type.String()),
      reason: nullable(Type.String()),
    },
    { description: 'Whoever asked for the change, with which request, and why, as `x-reason` said.' },
  ),
  action: Type.String(),
  subject: Type.String(),
  before: Any,
  after: Any,
  previous: Hash,
  hash: Hash,
});

export const AuditHeadSchema = nullable(
  Type.Object(
    {
      log: Type.String(),
      tenant: Type.String(),
      seq: Type.Integer(),
      hash: Hash,
      signature: Type.String({ description: 'Ed25519, base64.' }),
    },
    { description: 'How far the log goes. Kept elsewhere, it shows later whether lines were taken away.' },
  ),
);
