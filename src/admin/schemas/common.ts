/** What several shapes are made of. Times are milliseconds since the epoch. */

import { Type } from 'typebox';
import { MAX_ADAPTER_VERSION, MAX_REASON, NAME_PATTERN } from '../../contracts/registry-limits.js';

export const closed = { additionalProperties: false } as const;
export const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
export const Version = Type.Integer({ minimum: 1, maximum: MAX_ADAPTER_VERSION });
export const Name = Type.String({ pattern: NAME_PATTERN });
export const Time = Type.Integer({ description: 'Milliseconds since the epoch.' });
export const Revision = Type.Integer({ description: 'Grows by one with every change.' });
export const TenantParams = Type.Object({ tenant: Type.String() });
/** Of every route that changes something. */
export const ChangeHeaders = Type.Object({
  'x-reason': Type.Optional(
    Type.String({
      maxLength: MAX_REASON,
      description: 'Why, for the audit log; percent-encoded UTF-8 where it is not ASCII.',
    }),
  ),
});
