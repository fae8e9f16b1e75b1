import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { actingAs } from '../../audit/actor.js';
import { loadConfig } from '../../config/load.js';
import type { Actor } from '../../contracts/audit.js';
import type { Registry, Scope } from '../../contracts/registry.js';
import { AppError } from '../../errors/app-error.js';
import { readRegularFile } from '../../files/regular-file.js';
import { show } from '../show.js';
import type { Terminal } from '../terminal.js';

interface InitOptions {
  readonly tenant: string;
  readonly adminKeyFile?: string;
  readonly metricsKeyFile?: string;
}

type State = 'created' | 'replaced' | 'unchanged';

/** Nobody has a key yet: whoever holds the data folder. */
const ACTOR: Actor = { kind: 'system', id: 'init', tenant: null, requestId: null, reason: null };

/** 128 bits in base64: what can be guessed is refused. */
const LEAST_SECRET_CHARACTERS = 22;
const MOST_SECRET_CHARACTERS = 256;

/** Works on the registry itself, in the data folder or shared: without it there would be no key to make the first key with. */
export function addInit(program: Command, terminal: Terminal): void {
  program
    .command('init')
    .description(
      'make the first tenant and its keys, for the admin API and for Prometheus; with files of keys it may run before each start',
    )
    .option('--tenant <id>', 'the tenant that the keys belong to', 'operations')
    .option('--admin-key-file <file>', 'where the admin key is, or is to be written; it is shown where left out')
    .option('--metrics-key-file <file>', 'where the key for /metrics is, or is to be written; none where left out')
    .action(async ({ tenant, adminKeyFile, metricsKeyFile }: InitOptions, command: Command) => {
      const { openRegistry } = await import('../../registry/registry.js');
      const { dataDir, registry: shared } = loadConfig();
      const compiler = {
        compile: () => Promise.reject(new Error('init adds no adapters')),
      };
      const registry = await openRegistry({
        dataDir,
        compiler,
        clock: { now: Date.now, monotonicMs: () => performance.now() },
        checkRules: () => {
          throw new Error('init writes no policies');
        },
        checkToolUrl: () => {},
        checkWebhookUrl: () => {},
        onWebhookJob: () => {},
        demo: false,
        // What other gateways made is theirs too; opened without it, the folder would leave them.
        shared: shared.url === '' ? undefined : { url: shared.url, onError: (error) => terminal.err(`${error}\n`) },
      });
      try {
        const keys = await actingAs(ACTOR, async () => {
          if (!(await registry.listTenants()).some(({ id }) => id === tenant)) {
            await registry.createTenant({ id: tenant, name: tenant });
          }
          const made = [await ensureKey(registry, tenant, 'admin', ['admin'], adminKeyFile)];
          if (metricsKeyFile) made.push(await ensureKey(registry, tenant, 'metrics', ['metrics'], metricsKeyFile));
          return made;
        });
        show(terminal, command, keys, keys);
      } finally {
        await registry.close();
      }
    });
}

/**
 * The key that is in a file becomes the tenant's only one of that label. A file that is not there is written with a new
 * key; without a file the key is made once, and shown.
 */
async function ensureKey(registry: Registry, tenant: string, label: string, scopes: Scope[], file?: string) {
  const earlier = (await registry.listKeys(tenant)).filter((key) => key.label === label && key.revokedAt === null);
  const row = (state: State, secret: string | null) => ({ tenant, label, state, secret });
  if (file === undefined) {
    if (earlier.length > 0) return row('unchanged', null);
    return row('created', (await registry.createKey({ tenant, label, scopes })).secret);
  }
  const secret = readOrWriteSecret(resolve(file));
  const owner = await registry.authenticate(secret);
  const isKnown = earlier.some(({ id }) => id === owner?.keyId);
  if (!isKnown) await registry.createKey({ tenant, label, scopes, secret });
  // The new one is there before the old one goes, so that a scrape in between finds one that opens.
  const others = earlier.filter(({ id }) => id !== owner?.keyId);
  for (const { id } of others) await registry.revokeKey(tenant, id);
  return row(isKnown ? 'unchanged' : others.length > 0 ? 'replaced' : 'created', null);
}

function readOrWriteSecret(file: string): string {
  if (!existsSync(file)) {
    const secret = `sk-${randomBytes(32).toString('base64url')}`;
    writeFileSync(file, `${secret}\n`, { mode: 0o600 });
    return secret;
  }
  const secret = readRegularFile(file).toString().trim();
  if (secret.length < LEAST_SECRET_CHARACTERS || secret.length > MOST_SECRET_CHARACTERS || /\s/.test(secret)) {
    throw new AppError('config_invalid', {
      reason: `${file} must hold one key of ${LEAST_SECRET_CHARACTERS} to ${MOST_SECRET_CHARACTERS} characters without spaces, as "openssl rand -hex 32" makes`,
    });
  }
  return secret;
}
