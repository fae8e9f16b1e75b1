import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Kysely, SqliteDialect } from 'kysely';
import type { AdapterCompiler, TrainingRecord } from '../../../src/contracts/adapter.js';
import type { Clock } from '../../../src/contracts/clock.js';
import type { Registry } from '../../../src/contracts/registry.js';
import { AppError } from '../../../src/errors/app-error.js';
import { migrate } from '../../../src/registry/migrations.js';
import { openRegistry, type RegistryOptions } from '../../../src/registry/registry.js';
import { createSafety } from '../../../src/safety/safety.js';
import { openSqlite } from '../../../src/sqlite/open.js';

/** Accepts any folder with a `weights` file, which may name another base; what the importer checks is tested in its own room. */
const compilerFor = (dataDir: string): AdapterCompiler => ({
  async compile(folder, anyBase = false) {
    let weights: Buffer;
    try {
      const name = existsSync(join(folder, 'weights')) ? 'weights' : 'adapter_model.safetensors';
      weights = readFileSync(join(folder, name));
    } catch {
      throw new AppError('adapter_invalid', { folder, reason: 'it has no weights' });
    }
    if (weights.toString() === 'refused')
      throw new AppError('adapter_invalid', { folder, reason: 'as the test wants' });
    if (weights.toString() === 'of another' && !anyBase)
      throw new AppError('adapter_invalid', { folder, reason: 'it names another base' });
    const digest = createHash('sha256').update(weights).digest('hex');
    const compiledFile = join(dataDir, 'adapters', digest, 'adapter.bin');
    const baseDigest = weights.toString().startsWith('other base') ? 'other' : 'base';
    mkdirSync(dirname(compiledFile), { recursive: true });
    writeFileSync(compiledFile, weights);
    const sources = [{ name: 'adapter_model.safetensors', sha256: digest }];
    const of = { baseDigest, baseModel: 'small', sources, training: readTraining(folder) };
    return { digest, compiledFile, ...of, rank: 8, targets: ['q_proj', 'v_proj'], bytes: weights.length };
  },
});

function readTraining(folder: string): TrainingRecord | null {
  const file = join(folder, 'training');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
}

const safety = createSafety({ embedderId: 'bge-small-en-v1.5-qa', embed: async () => [], recognise: null });

function movingClock(): Clock {
  let now = 1_000;
  return { now: () => now++, monotonicMs: () => now };
}

/** A registry on real SQLite, with a clock that moves one millisecond at every look. */
export function openTestRegistry(
  dataDir: string,
  {
    demo = false,
    engines = ['embedded'],
    clock = movingClock(),
    checkWebhookUrl = (_url: string) => {},
    onWebhookJob = () => {},
    shared = undefined as RegistryOptions['shared'],
  } = {},
) {
  return openRegistry({
    dataDir,
    compiler: compilerFor(dataDir),
    clock,
    checkRules: safety.check,
    checkToolUrl: () => {},
    checkWebhookUrl,
    onWebhookJob,
    demo,
    engines,
    shared,
  });
}

/** The file of a registry as it was before a step of its tables, with one tenant and what `statements` add. */
export async function makeOldRegistry(dataDir: string, before: string, statements: readonly string[]): Promise<void> {
  const database = openSqlite(join(dataDir, 'registry.db'));
  const db = new Kysely({ dialect: new SqliteDialect({ database }) });
  await migrate(db, before);
  for (const statement of [`INSERT INTO tenants (id, name, created_at) VALUES ('bank', 'Bank', 1)`, ...statements])
    database.exec(statement);
  await db.destroy();
}

/** Two versions of the adapter `support`, and the deployment `assistant` of the first, for the tenant `bank`. */
export async function addAssistant(registry: Registry, dataDir: string): Promise<void> {
  for (const version of ['1', '2']) {
    const folder = join(dataDir, 'peft', version);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'weights'), version);
    await registry.addAdapter({ tenant: 'bank', name: 'support', folder });
  }
  const named = { tenant: 'bank', name: 'assistant', adapter: 'support', stableVersion: 1, instructions: '' };
  await registry.putDeployment({ ...named, retrieval });
}

export const retrieval = { enabled: true, topK: 3, minScore: 0.2, budgetTokens: 600 };
