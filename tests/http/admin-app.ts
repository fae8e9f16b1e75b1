import type { Test } from 'tap';
import { adminRoutes } from '../../src/admin/routes.js';
import { openCaptures } from '../../src/captures/captures.js';
import { loadConfig } from '../../src/config/load.js';
import type { Services } from '../../src/http/app.js';
import { createServer } from '../../src/http/server.js';
import { createMetrics } from '../../src/metrics/metrics.js';
import { createScrub } from '../../src/personal-data/scrub.js';
import { createQuota } from '../../src/quota/quota.js';
import { createToolCaller } from '../../src/tools/http-tools.js';
import { openTestRegistry } from '../integration/registry/open.js';

const clock = { now: Date.now, monotonicMs: () => performance.now() };
export const ADMIN_KEY = 'sk-demo-admin';
export const TENANT_KEY = 'sk-demo-bank';

/** A folder as the compiler of these tests takes it. */
const peft = (weights: string) => ({ 'adapter_config.json': '{}', 'adapter_model.safetensors': weights });

/** The admin API over a real registry, with two adapter folders, one tenant and a key of each kind. */
export async function adminApp(
  t: Test,
  {
    retrieval = {} as Services['retrieval'],
    files = {},
    settings = {},
    engines: named = ['embedded'],
    modelImports = {} as Services['modelImports'],
    onLogLine = null as ((line: string) => void) | null,
  } = {},
) {
  const root = t.testdir({ files, one: peft('1'), two: peft('2'), empty: {}, data: {} });
  const registry = await openTestRegistry(`${root}/data`, { demo: true, engines: named });
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  await registry.createKey({ tenant: 'bank', label: 'admin', scopes: ['admin'], secret: ADMIN_KEY });
  await registry.createKey({ tenant: 'bank', label: 'bank', scopes: ['inference', 'documents'], secret: TENANT_KEY });

  const env = { ...settings, ...(onLogLine ? {} : { SWITCHYARD_SERVER_LOG_LEVEL: 'silent' }) };
  const config = loadConfig({ env, cwd: root });
  const metrics = createMetrics(config.metrics, clock);
  const captures = openCaptures({
    dataDir: `${root}/data`,
    registry,
    scrub: createScrub(null),
    metrics,
    clock,
    limits: config.quality,
    onFailed: (error) => t.error(error),
  });
  const forgotten: unknown[] = [];
  const engines = { names: [], forget: (...what: unknown[]) => forgotten.push(what) } as unknown as Services['engines'];
  const toolCaller = createToolCaller({ settings: config.tools, clock });
  // Whatever else the admin API reached for would fail the test.
  const unused = {} as Pick<Services, 'tokenizer' | 'safety' | 'pipeline'>;
  const app = await createServer({
    ...unused,
    engines,
    config,
    registry,
    quota: createQuota({ ...registry, requestsPerMinute: 6000, clock }),
    captures,
    toolCaller,
    modelImports,
    retrieval,
    metrics,
    clock,
    adminRoutes,
    ...(onLogLine && { logDestination: { write: onLogLine } }),
  });
  await app.ready();
  t.teardown(async () => {
    await app.close();
    await captures.close();
    await registry.close();
  });

  async function call(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object, key = ADMIN_KEY) {
    const headers = { authorization: `Bearer ${key}` };
    const response = await app.inject({ method, url: `/admin${path}`, headers, ...(body && { payload: body }) });
    return { status: response.statusCode, body: response.json() };
  }
  return { root, registry, captures, app, call, forgotten };
}

export const deployment = {
  adapter: 'support',
  stableVersion: 1,
  instructions: 'Be brief.',
  retrieval: { enabled: true, topK: 3, minScore: 0.1, budgetTokens: 600 },
};
