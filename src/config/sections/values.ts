import { Type } from 'typebox';

export const closed = { additionalProperties: false } as const;
export const integer = (description: string, fallback: number, minimum: number, maximum: number) =>
  Type.Integer({ description, default: fallback, minimum, maximum });
export const KiB = 1024;
export const MiB = 1024 * KiB;
