import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { cliApp, run } from './cli/cli-app.js';

const ROOT = process.cwd();
const GUIDE = readFileSync(join(ROOT, 'docs/guides/safety.md'), 'utf8');
const COMMANDS = [...GUIDE.matchAll(/^npx switchyard (.*)$/gm)].map(([, line]) =>
  [...line!.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!),
);

/** What a reader should see of each command, in the order of the page. */
const EXPECTED: readonly RegExp[] = [
  /bank +1 +7 +3 +3/,
  /assistant .* bank@1/,
  /"name": "secrets-in-questions"/,
  /deployment\.\w+ +assistant +Ticket 7[\s\S]*policy\.put +bank@1/,
  /registry +northwind-bank +\d+ +sound/,
  /"log":"registry","tenant":"northwind-bank","seq":\d+/,
  /"class_uid":3004/,
];

t.test('the commands of the guide to safety work as written', async (t) => {
  const { root, registry, url } = await cliApp(t);
  await registry.createTenant({ id: 'northwind-bank', name: 'Northwind Bank' });
  const retrieval = { enabled: true, topK: 3, minScore: 0, budgetTokens: 640 };
  const named = { tenant: 'northwind-bank', name: 'assistant', adapter: null, stableVersion: null, instructions: '' };
  await registry.putDeployment({ ...named, retrieval });
  process.env.SWITCHYARD_DATA = join(root, 'data');
  t.teardown(() => delete process.env.SWITCHYARD_DATA);
  t.equal(COMMANDS.length, EXPECTED.length);
  for (const [i, command] of COMMANDS.entries()) {
    const { code, out, err } = await run('--url', url, ...command);
    t.match(out, EXPECTED[i]!, err);
    t.equal(code, 0, command.join(' '));
  }
  const { policy } = await registry.putDeployment({ ...named, retrieval: { ...retrieval, topK: 2 } });
  t.same(policy, { name: 'bank', revision: 1 }, 'a change that does not mention the policy keeps it');
  await t.rejects(registry.putDeployment({ ...named, retrieval, policy: { name: 'bank', revision: 9 } }), {
    code: 'not_found',
  });
  t.equal((await registry.putDeployment({ ...named, retrieval, policy: null })).policy, null);
});
