import t from 'tap';
import { runCli } from '../../../src/cli/run.js';
import { compareWithEvents } from '../../fixtures/gateway/folded-events.js';
import { NO_ENGINE, removeDataDir, startGateway, temporaryDataDir } from '../gateway-process.js';
import { addAssistant, openTestRegistry } from '../registry/open.js';

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

const ROLLOUT: readonly (readonly ['POST' | 'PUT', string, object?])[] = [
  ['POST', 'deployments/assistant/rollback'],
  ['PUT', 'adapters/support/versions/2/status', { status: 'approved' }],
  ['POST', 'deployments/assistant/rollout', { version: 2, steps: [10, 50, 100] }],
  ['POST', 'deployments/assistant/rollout/advance'],
  ['POST', 'deployments/assistant/rollout/pause'],
  ['POST', 'deployments/assistant/rollout/resume'],
  ['POST', 'deployments/assistant/promote'],
];

t.test('a gateway that is killed in the middle of changes leaves logs that hold', { timeout: 240_000 }, async (t) => {
  const dataDir = temporaryDataDir();
  t.teardown(() => removeDataDir(dataDir));
  const registry = await openTestRegistry(dataDir);
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  await registry.createKey({ tenant: 'bank', label: 'admin', scopes: ['admin'], secret: ADMIN });
  await addAssistant(registry, dataDir);
  await registry.close();
  let steps = 0;
  let acknowledged = 0;
  let lines = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const gateway = await startGateway(dataDir, { ...NO_ENGINE, SWITCHYARD_DEMO: 'false' });
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
    /** Through a whole rollout and back, again and again, from wherever the last one was cut off. */
    const roll = async (): Promise<void> => {
      for (const [method, path, body] of ROLLOUT) {
        const url = `${gateway.url}/admin/tenants/bank/${path}`;
        const response = await fetch(url, { method, headers, ...(body && { body: JSON.stringify(body) }) });
        if (response.ok) steps += 1;
        await response.arrayBuffer();
      }
      await roll();
    };
    const changing = [...[1, 2].map((writer) => change(`${round}-${writer}`)), roll()].map((job) =>
      job.catch(() => {}),
    );
    await new Promise((resolve) => setTimeout(resolve, 150 + round * 131));
    await gateway.stop('SIGKILL');
    await Promise.all(changing);
    compareWithEvents(t, dataDir);
    const { code, out } = await verify(dataDir);
    t.equal(code, 0, out);
    const reports = JSON.parse(out) as { log: string; tenant: string; lines: number }[];
    lines = reports.find(({ log, tenant }) => log === 'registry' && tenant === 'bank')!.lines;
    t.ok(lines >= acknowledged, `${lines} lines of ${acknowledged} acknowledged changes`);
  }
  t.ok(acknowledged > ROUNDS, `${acknowledged} changes`);
  t.ok(steps > ROUNDS, `${steps} steps of rollouts`);
});
