// openapi.yaml, from the schemas of the routes.
import { adminRoutes } from '../src/admin/routes.js';
import { loadConfig } from '../src/config/load.js';
import type { Services } from '../src/http/app.js';
import { createServer } from '../src/http/server.js';
import { createMetrics } from '../src/metrics/metrics.js';

/** Registering routes touches no service; one that was touched would be undefined, and fail here. */
const unused = {} as Pick<
  Services,
  | 'engines'
  | 'tokenizer'
  | 'retrieval'
  | 'registry'
  | 'captures'
  | 'toolCaller'
  | 'quota'
  | 'safety'
  | 'pipeline'
  | 'modelImports'
>;

const clock = { now: Date.now, monotonicMs: () => performance.now() };

export async function openApi(): Promise<string> {
  const config = loadConfig({ env: { SWITCHYARD_SERVER_LOG_LEVEL: 'silent' } });
  const app = await createServer({
    ...unused,
    config,
    metrics: createMetrics(config.metrics, clock),
    clock,
    adminRoutes,
  });
  await app.ready();
  const yaml = app.swagger({ yaml: true });
  await app.close();
  return yaml;
}
