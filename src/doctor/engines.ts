import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { addressesIn, enginesOf } from '../config/engines.js';
import { redact } from '../config/redact.js';
import type { Config } from '../config/schema.js';
import { type Finding, good, poor } from './finding.js';

const CONNECTS_WITHIN_MS = 2000;

/** Whether the servers of each pool can be reached, and whether deployments name engines that there are. */
export async function checkEngines(config: Config): Promise<Finding[]> {
  const { names, pools } = enginesOf(config);
  // The embedded one has findings of its own: memory, kernels, the model.
  const findings = await Promise.all([...pools].map(([name, pool]) => checkPool(name, pool)));
  return [...findings, ...(await checkNames(config, names))];
}

async function checkPool(name: string, { urls, dialect }: Config['upstream']): Promise<Finding> {
  const what = `engine ${name}`;
  const servers = addressesIn(urls);
  const troubles = (await Promise.all(servers.map(troubleAt))).filter((trouble) => trouble !== null);
  const found = `${servers.length - troubles.length} of ${servers.length} servers (${dialect}) can be reached`;
  if (troubles.length === 0) return good(what, found);
  const advice = 'Start them, correct the address, or let this machine through; the others answer meanwhile.';
  return poor(what, `${found}; ${troubles.join('; ')}`, advice);
}

/** null: something listens there. */
function troubleAt(address: string): Promise<string | null> {
  const url = new URL(address);
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
  const shown = redact({ path: 'upstream.urls' }, address);
  return new Promise((resolve) => {
    const socket = connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port });
    const end = (trouble: string | null) => {
      socket.destroy();
      resolve(trouble);
    };
    socket.setTimeout(CONNECTS_WITHIN_MS, () => end(`${shown} does not answer within ${CONNECTS_WITHIN_MS} ms`));
    socket.once('connect', () => end(null));
    socket.once('error', ({ message }) => end(`${shown}: ${message}`));
  });
}

async function checkNames({ dataDir }: Config, names: readonly string[]): Promise<Finding[]> {
  const file = join(dataDir, 'registry.db');
  if (!existsSync(file)) return [];
  const missing = (await namedEngines(file)).filter(({ engine }) => !names.includes(engine));
  if (missing.length === 0) return [];
  const which = missing.map(({ tenant, name, engine }) => `${name} of ${tenant} (${engine})`).join(', ');
  const advice = `Configure them in engines.pools, or give these deployments one of ${names.join(', ')}: "switchyard deployments set --engine".`;
  return [poor('deployments', `they name engines that are not configured, and answer nothing: ${which}`, advice)];
}

async function namedEngines(file: string) {
  const { Sqlite } = await import('../sqlite/open.js');
  const database = new Sqlite(file, { readonly: true, fileMustExist: true });
  try {
    return database
      .prepare('SELECT tenant, name, engine FROM deployments WHERE engine IS NOT NULL ORDER BY tenant, name LIMIT 20')
      .all() as readonly { tenant: string; name: string; engine: string }[];
  } catch {
    // What cannot be read has a finding of its own; what an older gateway wrote names none.
    return [];
  } finally {
    database.close();
  }
}
