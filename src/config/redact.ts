import type { Config } from './schema.js';
import { SETTINGS, type Setting } from './settings.js';

const REDACTED = '‹redacted›';
/** How the name of a setting ends that holds a secret; one that names a file with it ends in File. */
const SECRET = /(key|password|secret|token)$/i;

/** Up to the last @, since a password may hold anything. */
const BEFORE_HOST = /(?<=:\/\/)\S+(?=@)/g;
const IN_QUERY = /(?<=[?&][\w-]*(?:key|password|secret|token)=)[^&\s]+/gi;

/**
 * Every setting with a value that may be shown: without secrets, and without what stands before the @ of an address.
 * Empty ones stay, so that one sees that nothing is set.
 */
export function redacted(config: Config): Map<Setting, unknown> {
  return new Map(SETTINGS.map((setting) => [setting, redact(setting, readSetting(config, setting))]));
}

/** The value of a setting. */
export function readSetting(config: Config, { path }: Pick<Setting, 'path'>): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Readonly<Record<string, unknown>>)[key], config);
}

export function redact({ path }: Pick<Setting, 'path'>, value: unknown): unknown {
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => [key, redact({ path: `${path}.${key}` }, one)]),
    );
  }
  if (typeof value !== 'string' || value === '') return value;
  if (SECRET.test(path)) return REDACTED;
  return value.replace(BEFORE_HOST, REDACTED).replace(IN_QUERY, REDACTED);
}
