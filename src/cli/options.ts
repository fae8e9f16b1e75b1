import { InvalidArgumentError, Option } from 'commander';

export const tenantOption = () => new Option('--tenant <id>', 'the tenant').makeOptionMandatory();

export const groupsOption = () =>
  new Option('--groups <name...>', 'callers in one of them get the canary whatever the share');

export const shadowOption = () =>
  new Option('--shadow <percent>', "share of stable's questions that the canary answers too, unseen").argParser(
    parseNumber,
  );

/** A role that the gateway itself never has. */
export const ownerOption = () =>
  new Option(
    '--owner-url <url>',
    'postgres:// URL of a role that may create extensions, schemas and roles; it owns the tables of documents',
  )
    .env('SWITCHYARD_DATABASE_OWNER_URL')
    .argParser(parsePostgresUrl);

function parsePostgresUrl(text: string): string {
  if (/^postgres(ql)?:$/.test(URL.canParse(text) ? new URL(text).protocol : '')) return text;
  throw new InvalidArgumentError('It must look like postgres://role:password@host:5432/database.');
}

export function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.');
  return value;
}

export const ifRevisionOption = () =>
  new Option('--if-revision <number>', 'only where it is at this revision; 0: only where there is none').argParser(
    parseNumber,
  );

/** The headers that `ifRevisionOption` stands for. */
export function conditionOf({ ifRevision }: { readonly ifRevision?: number }): Record<string, string> {
  if (ifRevision === undefined) return {};
  return ifRevision === 0 ? { 'if-none-match': '*' } : { 'if-match': `"${ifRevision}"` };
}

/** `support@2` as an adapter and its version. */
export function parseVersion(text: string): { readonly adapter: string; readonly version: number } {
  const match = /^([^@]+)@([1-9]\d*)$/.exec(text);
  if (!match) throw new InvalidArgumentError('It must look like support@2.');
  return { adapter: match[1]!, version: Number(match[2]) };
}

/** The address without a slash at its end, so that a path can follow; a gateway may live below a prefix. */
export function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw new InvalidArgumentError('It must look like http://127.0.0.1:8080.');
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}
