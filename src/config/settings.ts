/** The schema as a flat list of settings: what the loader fills in and the reference page shows. */
import { createHash } from 'node:crypto';
import type { TSchema } from 'typebox';
import { type Config, ConfigSchema } from './schema.js';
import { upstream } from './sections/engines.js';

export interface Setting {
  /** Dotted path, e.g. `engine.slots`. */
  readonly path: string;
  /** Environment variables that set it; where several are set the last one wins. */
  readonly variables: readonly string[];
  readonly description: string;
  readonly default: string | number | boolean | object;
  /** What is accepted, in words: `an integer from 1 to 64`. */
  readonly accepts: string;
  readonly schema: TSchema;
}

/** What JSON Schema says about one value, as far as settings use it. */
interface LeafSchema {
  readonly type?: 'string' | 'number' | 'integer' | 'boolean' | 'object';
  readonly description: string;
  readonly default: string | number | boolean | object;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  /** Where it has a pattern: what that lets through, in words. */
  readonly accepts?: string;
  readonly enum?: readonly string[];
}

const SHORT_VARIABLES: Readonly<Record<string, string>> = {
  dataDir: 'SWITCHYARD_DATA',
  'server.host': 'HOST',
  'server.port': 'PORT',
};

/** The setting that has settings by name. */
export const POOLS = 'engines.pools';

/** Every setting, in the order of the schema. */
export const SETTINGS: readonly Setting[] = flatten(ConfigSchema.properties, '');

/** Of one pool of `engines.pools`; its path is what stands behind its name. */
export const POOL_SETTINGS: readonly Setting[] = flatten(upstream.properties, '');

/** Settings that may hold a secret, as a URL of a database does. */
const SECRET = /(url|key|secret|password)$/i;

export const mayBeSecret = (path: string): boolean => SECRET.test(path);

/** What a configuration says, by path; of what may be a secret only whether it is the same as before. */
export function settingValues(config: Config): Record<string, unknown> {
  const ofPools = Object.keys(config.engines.pools).flatMap((name) =>
    POOL_SETTINGS.map(({ path }) => `${POOLS}.${name}.${path}`),
  );
  return Object.fromEntries(
    [...SETTINGS.map(({ path }) => path).filter((path) => path !== POOLS), ...ofPools].map((path) => {
      const value = path.split('.').reduce<unknown>((of, key) => (of as Record<string, unknown>)[key], config);
      if (!mayBeSecret(path) || value === '') return [path, value];
      return [path, `sha256:${createHash('sha256').update(String(value)).digest('hex').slice(0, 12)}`];
    }),
  );
}

function flatten(properties: Readonly<Record<string, TSchema>>, prefix: string): Setting[] {
  return Object.entries(properties).flatMap(([key, schema]) => {
    const path = `${prefix}${key}`;
    if ('properties' in schema) return flatten(schema.properties as Record<string, TSchema>, `${path}.`);
    const leaf = schema as unknown as LeafSchema;
    const short = SHORT_VARIABLES[path];
    return {
      path,
      variables: [...(short ? [short] : []), variableOf(path)],
      description: leaf.description,
      default: leaf.default,
      accepts: describe(leaf),
      schema,
    };
  });
}

/** `engine.maxAdapterRank` becomes `SWITCHYARD_ENGINE_MAX_ADAPTER_RANK`. */
function variableOf(path: string): string {
  return `SWITCHYARD_${path.replace(/\./g, '_').replace(/[A-Z]/g, '_$&').toUpperCase()}`;
}

function describe(leaf: LeafSchema): string {
  if (leaf.enum) return `one of ${leaf.enum.join(', ')}`;
  if (leaf.type === 'integer') return `an integer from ${leaf.minimum} to ${leaf.maximum}`;
  if (leaf.type === 'boolean') return 'true or false';
  if (leaf.type === 'number') return `a number from ${leaf.minimum} to ${leaf.maximum}`;
  if (leaf.accepts) return leaf.accepts;
  return leaf.minLength ? 'a non-empty text' : 'a text';
}
