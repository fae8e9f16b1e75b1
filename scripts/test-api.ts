// Asks a real gateway what openapi.yaml allows and what it does not allow, for five minutes: `npm run test:api`. What is
// looked for, and which findings are none, stands in tests/python/api.toml.
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { loadConfig } from '../src/config/load.js';
import { keyOf, registerTenants } from '../tests/fixtures/gateway/gateway.js';
import { removeDataDir, startGateway, temporaryDataDir } from '../tests/integration/gateway-process.js';
import { installPython } from '../tests/python/packages.js';

const ROOT = resolve(import.meta.dirname, '..');
const ENV = {
  SWITCHYARD_DEMO: 'false',
  SWITCHYARD_MODELS_BASE: 'smollm2-135m-instruct',
  SWITCHYARD_ENGINE_CONTEXT_TOKENS: '1024',
  SWITCHYARD_SERVER_REQUESTS_PER_MINUTE: '1000000',
};

const packages = installPython('api-requirements.txt');
const dataDir = temporaryDataDir();
// Keys that may do everything, so that no request is refused for its key alone.
const config = loadConfig({ env: { ...ENV, SWITCHYARD_DATA: dataDir } });
await registerTenants(config, ['inference', 'documents', 'route', 'admin']);
const gateway = await startGateway(dataDir, ENV);
try {
  const authorization = `Authorization: Bearer ${keyOf('bank')}`;
  const options = ['run', join(ROOT, 'openapi.yaml'), '--url', gateway.url, '--header', authorization];
  process.exitCode = await schemathesis([...options, ...process.argv.slice(2)]);
} finally {
  await gateway.stop();
  removeDataDir(dataDir);
}

function schemathesis(args: readonly string[]): Promise<number> {
  const config = join(ROOT, 'tests/python/api.toml');
  // It keeps notes of its own where it runs.
  const child = spawn('python3', ['-m', 'schemathesis.cli', '--config-file', config, ...args], {
    cwd: dataDir,
    env: { PATH: process.env.PATH, HOME: dataDir, PYTHONPATH: packages },
    stdio: 'inherit',
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}
