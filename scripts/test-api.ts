// Asks a real gateway what openapi.yaml allows and what it does not allow, for five minutes: `npm run test:api`. What is
// looked for, and which findings are none, stands in tests/python/api.toml.
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { removeDataDir, startGateway, temporaryDataDir } from '../tests/integration/gateway-process.js';
import { installPython } from '../tests/python/packages.js';

const ROOT = resolve(import.meta.dirname, '..');
const ADMIN_KEY = 'sk-demo-admin';
/** A tenant of the samples, so that there are documents, adapters and a deployment. */
const TENANT = 'northwind-bank';

const packages = installPython('api-requirements.txt');
const dataDir = temporaryDataDir();
const gateway = await startGateway(dataDir, {
  SWITCHYARD_SERVER_REQUESTS_PER_MINUTE: '1000000',
  SWITCHYARD_ENGINE_CONTEXT_TOKENS: '1024',
});
try {
  const key = await createKey(gateway.url);
  const options = ['run', join(ROOT, 'openapi.yaml'), '--url', gateway.url, '--header', `Authorization: Bearer ${key}`];
  process.exitCode = await schemathesis([...options, ...process.argv.slice(2)]);
} finally {
  await gateway.stop();
  removeDataDir(dataDir);
}

/** May do everything, so that no request is refused for its key alone. */
async function createKey(url: string): Promise<string> {
  const response = await fetch(`${url}/admin/tenants/${TENANT}/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ label: 'test:api', scopes: ['inference', 'documents', 'route', 'admin'] }),
  });
  if (!response.ok) throw new Error(await response.text());
  return ((await response.json()) as { secret: string }).secret;
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
