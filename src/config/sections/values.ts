import { Type } from 'typebox';

export const closed = { additionalProperties: false } as const;
export const integer = (description: string, fallback: number, minimum: number, maximum: number) =>
  Type.Integer({ description, default: fallback, minimum, maximum });
/** Text of a shape; `accepts` says in words which. */
export const shaped = (description: string, pattern: string, accepts: string) =>
  Type.String({ description, default: '', pattern, accepts });
export const postgresUrl = (description: string) =>
  shaped(description, '^(postgres(ql)?://.+)?$', 'a URL that begins with postgres://, or an empty text');
export const KiB = 1024;
export const MiB = 1024 * KiB;
