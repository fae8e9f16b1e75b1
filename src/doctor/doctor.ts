/** Looks at everything that a gateway stands on, and says what is wrong and what to do. Changes nothing. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../config/load.js';
import { readSetting } from '../config/redact.js';
import type { Config } from '../config/schema.js';
import { SETTINGS } from '../config/settings.js';
import { DATABASES } from '../sqlite/databases.js';
import { checkBackups } from './backups.js';
import { checkCertificate } from './certificate.js';
import { checkDisk, checkOpenFiles } from './disk.js';
import { checkEngines } from './engines.js';
import { bad, type Finding, good } from './finding.js';
import { checkKernels, checkMachine, checkMemory, checkVersions } from './machine.js';
import { checkModels } from './models.js';
import { checkPorts } from './port.js';
import { checkSamples } from './samples.js';

type Check = (config: Config) => Promise<readonly Finding[]> | readonly Finding[];

/** From the outside inwards: a finding is often the cause of one further down. */
const CHECKS: readonly Check[] = [
  checkMachine,
  checkKernels,
  checkMemory,
  checkDisk,
  checkOpenFiles,
  checkModels,
  checkEngines,
  checkDatabases,
  checkSamples,
  checkSharedRegistry,
  checkCertificate,
  checkBackups,
  checkPorts,
];

/** Findings in the order in which they are made, for the configuration of the environment; where that is wrong it is the last one. */
export async function* examine(): AsyncGenerator<Finding> {
  yield* checkVersions();
  let config: Config;
  try {
    config = loadConfig();
  } catch (error) {
    const advice =
      'Correct it (docs/reference/config.md lists every setting), then look again: the rest depends on it.';
    yield bad('configuration', (error as Error).message, advice);
    return;
  }
  yield describeConfig(config);
  for (const check of CHECKS) yield* await check(config);
}

function describeConfig(config: Config): Finding {
  const set = SETTINGS.filter(
    (setting) => setting.path !== 'dataDir' && readSetting(config, setting) !== setting.default,
  );
  const names = set.map(({ path }) => path).join(', ') || 'none';
  return good('configuration', `data folder ${config.dataDir}; settings other than the defaults: ${names}`);
}

async function checkSharedRegistry({ registry: { url } }: Config): Promise<Finding[]> {
  if (url === '') return [];
  const { readHead } = await import('../registry/shared/log.js');
  const { SharedServer } = await import('../registry/shared/server.js');
  const server = new SharedServer(url);
  const where = `in PostgreSQL at ${new URL(url).host}`;
  try {
    const head = await readHead(server);
    return [
      good('shared registry', head ? `${where}, ${head.seq} changes` : `${where}, none yet: the first start makes it`),
    ];
  } catch (error) {
    const advice =
      'Start PostgreSQL, or correct registry.url. Gateways that ran before start without it, and change nothing meanwhile.';
    return [bad('shared registry', `${where}: ${(error as Error).message}`, advice)];
  } finally {
    await server.close();
  }
}

async function checkDatabases({ dataDir }: Config): Promise<Finding[]> {
  const { verifyDatabase } = await import('../sqlite/copy.js');
  const files = DATABASES.filter((name) => existsSync(join(dataDir, name)));
  if (files.length === 0) return [good('databases', 'none yet: the first start makes them')];
  return files.map((name) => {
    try {
      return good(name, `sound, ${verifyDatabase(join(dataDir, name))} rows`);
    } catch (error) {
      const advice =
        'Stop the gateway, keep a copy of the data folder, and go back with "switchyard restore" to the last backup.';
      return bad(name, (error as Error).message, advice);
    }
  });
}
