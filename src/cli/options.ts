import { InvalidArgumentError, Option } from 'commander';

export const tenantOption = () => new Option('--tenant <id>', 'the tenant').makeOptionMandatory();

export function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.');
  return value;
}

/** `support@2` as an adapter and its version. */
export function parseVersion(text: string): { readonly adapter: string; readonly version: number } {
  const match = /^([^@]+)@([1-9]\d*)$/.exec(text);
  if (!match) throw new InvalidArgumentError('It must look like support@2.');
  return { adapter: match[1]!, version: Number(match[2]) };
}

export function parseUrl(text: string): string {
  if (URL.canParse(text) && /^https?:/.test(text)) return text;
  throw new InvalidArgumentError('It must look like http://127.0.0.1:8080.');
}
