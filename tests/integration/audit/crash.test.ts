import t from 'tap';
import { runCli } from '../../../src/cli/run.js';
import { removeDataDir, startGateway, temporaryDataDir } from '../gateway-process.js';
import { openTestRegistry } from '../registry/open.js';

const ROUNDS = 4;
const ADMIN = 'sk-of-the-test';

/** Exit code of `switchyard audit verify` on a folder, and what it wrote. */
async function verify(dataDir: string) {
  process.env.SWITCHYARD_DATA = dataDir;
  let out = '';
  const code = await runCli(['--json', 'audit', 'verify'], {
    out: (text) => (out += text),
    err: (text) => (out += text),
    interactive: false,
  });
  delete process.env.SWITCHYARD_DATA;
  return { code, out };
}

t.test('a gateway that is killed in the middle of changes leaves logs that hold', { timeout: 240_000 }, async (t) => {
  const dataDir = temporaryDataDir();
  t.teardown(() => removeDataDir(dataDir));
  const registry = await openTestRegistry(dataDir);
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  await registry.createKey({ tenant: 'bank', label: 'admin', scopes: ['admin'], secret: ADMIN });
  await registry.close();
  let acknowledged = 0;
  let lines = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const gateway = await startGateway(dataDir, { SWITCHYARD_DEMO: 'false' });
    const headers = { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' };
    const change = async (name: string): Promise<void> => {
      const url = `${gateway.url}/admin/tenants/bank/keys`;
      const body = JSON.stringify({ label: name, scopes: ['inference'] });
      const response = await fetch(url, { method: 'POST', headers, body });
      if (response.status === 201) acknowledged += 1;
      // What is not read keeps its connection.
      await response.arrayBuffer();
      await change(name);
    };
    const changing = [1, 2, 3].map((writer) => change(`${round}-${writer}`).catch(() => {}));
    await new Promise((resolve) => setTimeout(resolve, 150 + round * 131));
    await gateway.stop('SIGKILL');
    await Promise.all(changing);
    const { code, out } = await verify(dataDir);
    t.equal(code, 0, out);
    const reports = JSON.parse(out) as { log: string; tenant: string; lines: number }[];
    lines = reports.find(({ log, tenant }) => log === 'registry' && tenant === 'bank')!.lines;
    t.ok(lines >= acknowledged, `${lines} lines of ${acknowledged} acknowledged changes`);
  }
  t.ok(acknowledged > ROUNDS, `${acknowledged} changes`);
});
