/** The only reader of the environment. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolve, sep } from 'node:path';
import { decodeText } from '../files/decode-text.js';
import { readRegularFile } from '../files/regular-file.js';
import { checked, invalid, isObject, nest, unknown, type Values } from './checked.js';
import { checkEngines } from './engines.js';
import { isServiceVariable, meansAddress } from './foreign-variables.js';
import { isLoopback } from './loopback.js';
import { readSetting } from './redact.js';
import type { Config } from './schema.js';
import { POOLS, SETTINGS, type Setting } from './settings.js';

const DEFAULT_FILE = 'switchyard.config.json';
/** Variables with our prefix that are no settings: where the file is, and the key and the database's owner of the command line. */
const OTHER_VARIABLES = ['SWITCHYARD_CONFIG', 'SWITCHYARD_KEY', 'SWITCHYARD_DATABASE_OWNER_URL'];

export interface ConfigSources {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Folder that relative paths start from. */
  readonly cwd?: string;
}

/**
 * Reads defaults, then the JSON file, then the environment; later ones win. The result is frozen, its `dataDir` absolute.
 * @throws AppError `config_invalid` that names the key, what it accepts and what was given
 */
export function loadConfig({ env = process.env, cwd = process.cwd() }: ConfigSources = {}): Config {
  const values: Values = new Map([
    ...SETTINGS.map((setting) => [setting, setting.default] as const),
    ...readFile(env.SWITCHYARD_CONFIG, cwd),
    ...readEnvironment(env),
  ]);
  const nested = nest(values) as Config;
  const config = {
    ...nested,
    database: { ...nested.database, url: secretOf(nested, 'database.url', cwd) },
    registry: { ...nested.registry, url: secretOf(nested, 'registry.url', cwd) },
    upstream: { ...nested.upstream, apiKey: secretOf(nested, 'upstream.apiKey', cwd) },
    engines: { ...nested.engines, pools: withKeys(nested, cwd) },
  };
  checkTogether(config);
  const { sourceDir } = config.models;
  const { folder, s3SecretKeyFile } = config.backup;
  const backup = {
    ...config.backup,
    folder: folder && absolutePath('backup.folder', folder, cwd),
    s3SecretKeyFile: s3SecretKeyFile && absolutePath('backup.s3SecretKeyFile', s3SecretKeyFile, cwd),
  };
  const dataDir = absolutePath('dataDir', config.dataDir, cwd);
  // What is purged is looked for in all of the data folder, and would be found in a backup there.
  if (`${backup.folder}${sep}`.startsWith(`${dataDir}${sep}`)) {
    throw invalid(`backup.folder must lie outside of dataDir (${dataDir}), got "${folder}"`);
  }
  return deepFreeze({
    ...config,
    backup,
    dataDir,
    models: { ...config.models, sourceDir: sourceDir && absolutePath('models.sourceDir', sourceDir, cwd) },
  });
}

/** An absolute path. A shell leaves `~` alone inside quotes, and configuration files know no shell. */
function absolutePath(name: string, path: string, cwd: string): string {
  if (!/^~/.test(path)) return resolve(cwd, path);
  if (/^~([/\\]|$)/.test(path)) return resolve(homedir(), path.slice(2));
  throw invalid(`${name} must not start with another user's home folder, got "${path}". Write the path in full`);
}

function readFile(named: string | undefined, cwd: string): Values {
  const file = absolutePath('SWITCHYARD_CONFIG', named || DEFAULT_FILE, cwd);
  if (!named && !existsSync(file)) return new Map();
  let content: unknown;
  try {
    content = JSON.parse(decodeText(readRegularFile(file)));
  } catch (error) {
    throw invalid(`${file} cannot be read as JSON (${(error as Error).message})`);
  }
  if (!isObject(content)) throw invalid(`${file} must hold a JSON object`);
  const values: Values = new Map();
  collect(content, '', values);
  return values;
}

/** A secret that is mounted as a file takes the place of one in the environment, which every child process sees. */
function secretOf(config: Config, path: string, cwd: string): string {
  const [value, named] = [path, `${path}File`].map((path) => String(readSetting(config, { path }))) as [string, string];
  if (named === '') return value;
  if (value !== '') throw invalid(`${path} and ${path}File must not both be set`);
  const file = absolutePath(`${path}File`, named, cwd);
  let secret: string;
  try {
    secret = decodeText(readRegularFile(file)).trim();
  } catch (error) {
    throw invalid(`${path}File ${file} cannot be read (${(error as Error).message})`);
  }
  if (secret === '') throw invalid(`${path}File ${file} must hold ${path}, and is empty`);
  const known = path.startsWith(POOLS) ? 'upstream.apiKey' : path;
  const setting = SETTINGS.find((candidate) => candidate.path === known)!;
  return checked(setting, `What ${path}File ${file} holds`, secret) as string;
}

function withKeys(config: Config, cwd: string): Config['engines']['pools'] {
  const pools = Object.entries(config.engines.pools);
  if (pools.length === 0) return config.engines.pools;
  return Object.fromEntries(
    pools.map(([name, pool]) => [name, { ...pool, apiKey: secretOf(config, `${POOLS}.${name}.apiKey`, cwd) }]),
  );
}

function collect(content: Readonly<Record<string, unknown>>, prefix: string, values: Values): void {
  for (const [key, value] of Object.entries(content)) {
    const path = `${prefix}${key}`;
    const setting = SETTINGS.find((candidate) => candidate.path === path);
    if (setting) values.set(setting, checked(setting, path, value));
    else if (!SETTINGS.some((candidate) => candidate.path.startsWith(`${path}.`))) {
      throw unknown(
        path,
        SETTINGS.map((candidate) => candidate.path),
      );
    } else if (isObject(value)) collect(value, `${path}.`, values);
    else throw invalid(`${path} must be an object with settings, got ${JSON.stringify(value)}`);
  }
}

function readEnvironment(env: Readonly<Record<string, string | undefined>>): Values {
  const known = new Set([...SETTINGS.flatMap((setting) => setting.variables), ...OTHER_VARIABLES]);
  const own = Object.entries(env).filter(([name, value]) => !isServiceVariable(name, value ?? ''));
  for (const [name] of own) {
    if (name.startsWith('SWITCHYARD_') && !known.has(name)) throw unknown(name, [...known]);
  }
  const texts = new Map(own);
  const values: Values = new Map();
  for (const setting of SETTINGS) {
    for (const name of setting.variables) {
      const text = texts.get(name);
      if (name === 'HOST' && !meansAddress(text ?? '')) continue;
      if (text) values.set(setting, checked(setting, name, parse(setting, text)));
    }
  }
  return values;
}

/** Text that is no number or boolean stays text, so that the check can name what was given. */
function parse(setting: Setting, text: string): unknown {
  if (typeof setting.default === 'number') return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
  if (typeof setting.default === 'object') return parsedJson(text);
  if (typeof setting.default === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  return text;
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function checkTogether(config: Config): void {
  const { certFile, keyFile, clientCaFile } = config.tls;
  if ((certFile === '') !== (keyFile === '') || (clientCaFile !== '' && certFile === '')) {
    throw invalid('tls.certFile and tls.keyFile must be set together, and with tls.clientCaFile both');
  }
  if (config.admin.port !== 0 && config.admin.port === config.server.port) {
    throw invalid(`admin.port must be another one than server.port, got ${config.admin.port}. 0 serves both on one`);
  }
  const { folder, s3Url, s3AccessKeyId, s3SecretKeyFile } = config.backup;
  if (s3Url !== '' && (folder === '' || s3AccessKeyId === '' || s3SecretKeyFile === '')) {
    throw invalid('backup.s3Url needs backup.folder, backup.s3AccessKeyId and backup.s3SecretKeyFile beside it');
  }
  const { passageTokens, overlapTokens } = config.retrieval;
  if (overlapTokens >= passageTokens) {
    throw invalid(
      `retrieval.overlapTokens must be less than retrieval.passageTokens (${passageTokens}), got ${overlapTokens}`,
    );
  }
  checkEngines(config);
  for (const [name, host] of [
    ['server.host', config.server.host],
    ['admin.host', config.admin.host],
  ] as const) {
    if (!config.demo || isLoopback(host)) continue;
    throw invalid(
      `${name} must be a loopback address while demo is true, because the demo keys are public, got "${host}". Make keys of your own on 127.0.0.1 with "switchyard keys create", then set SWITCHYARD_DEMO=false`,
    );
  }
}

function deepFreeze<T extends object>(object: T): T {
  for (const value of Object.values(object)) if (isObject(value)) deepFreeze(value);
  return Object.freeze(object);
}
