/** Values of settings, one by one: what is accepted, and what is said of what is not. */
import { Value } from 'typebox/value';
import { AppError } from '../errors/app-error.js';
import { nearest } from './nearest.js';
import { redact } from './redact.js';
import { mayBeSecret, POOL_SETTINGS, POOLS, type Setting } from './settings.js';

export type Values = Map<Setting, unknown>;

/** Each is a label of metrics, and has its own connections. */
const MOST_POOLS = 16;
const POOL_NAME = /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/;
/** What is there without being named. */
const TAKEN = ['embedded', 'upstream'];

/** @param name as whoever set it wrote it @throws AppError `config_invalid` */
export function checked(setting: Setting, name: string, value: unknown): unknown {
  if (setting.path === POOLS) return checkedPools(setting, name, value);
  if (Value.Check(setting.schema, value)) return value;
  const given = mayBeSecret(setting.path) ? '' : `, got ${JSON.stringify(redact(setting, value))}`;
  throw invalid(`${name} must be ${setting.accepts}${given}`);
}

/** All settings of each pool. */
function checkedPools(setting: Setting, name: string, value: unknown): object {
  if (!isObject(value) || Object.keys(value).length > MOST_POOLS) throw invalid(`${name} must be ${setting.accepts}`);
  return Object.fromEntries(Object.entries(value).map(([pool, given]) => [pool, checkedPool(name, pool, given)]));
}

function checkedPool(of: string, pool: string, given: unknown): object {
  const name = `${of}.${pool}`;
  if (!POOL_NAME.test(pool) || TAKEN.includes(pool)) {
    throw invalid(
      `${name} must be called by 1 to 32 lower-case letters, digits and "-", and not ${TAKEN.join(' or ')}`,
    );
  }
  if (!isObject(given)) throw invalid(`${name} must be an object with settings, as upstream has them`);
  const values: Values = new Map(POOL_SETTINGS.map((setting) => [setting, setting.default]));
  for (const [key, value] of Object.entries(given)) {
    const setting = POOL_SETTINGS.find(({ path }) => path === key);
    const known = POOL_SETTINGS.map(({ path }) => `${name}.${path}`);
    if (setting === undefined) throw unknown(`${name}.${key}`, known);
    values.set(setting, checked(setting, `${name}.${key}`, value));
  }
  return nest(values);
}

/** Values by their settings, as a configuration file has them. */
export function nest(values: ReadonlyMap<Setting, unknown>): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [{ path }, value] of values) {
    const keys = path.split('.');
    const leaf = keys.pop()!;
    let parent = root;
    for (const key of keys) parent = (parent[key] ??= {}) as Record<string, unknown>;
    parent[leaf] = value;
  }
  return root;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function unknown(name: string, known: readonly string[]): AppError {
  return invalid(`${name} is not a setting; the nearest one is ${nearest(name, known)}`);
}

export function invalid(reason: string): AppError {
  return new AppError('config_invalid', { reason });
}
