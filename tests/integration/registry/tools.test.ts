import t from 'tap';
import { openTestRegistry } from './open.js';

const TOOL = {
  tenant: 'bank',
  name: 'get_rate',
  description: 'A rate.',
  parameters: { type: 'object', properties: {} },
  url: 'https://rates.example.com/now',
  method: 'POST',
  timeoutMs: 1000,
} as const;
const DEPLOYMENT = {
  tenant: 'bank',
  name: 'assistant',
  adapter: null,
  stableVersion: null,
  instructions: '',
  retrieval: { enabled: false, topK: 3, minScore: 0, budgetTokens: 100 },
};

t.test('a function is kept with its secret, which nobody is shown, and belongs to one tenant', async (t) => {
  const registry = await openTestRegistry(t.testdir({}));
  t.teardown(() => registry.close());
  for (const id of ['bank', 'shop']) await registry.createTenant({ id, name: id });
  const kept = await registry.putTool({ ...TOOL, secret: 'hush' });
  t.match(kept, { ...TOOL, strict: false, hasSecret: true, createdAt: Number });
  t.equal(await registry.toolSecret('bank', 'get_rate'), 'hush');
  await registry.putTool({ ...TOOL, description: 'Another.' });
  t.equal(await registry.toolSecret('bank', 'get_rate'), 'hush', 'it stays where nothing is said of it');
  t.match(await registry.listTools('bank'), [{ description: 'Another.', hasSecret: true }]);
  t.same(await registry.listTools('shop'), []);
  await t.rejects(registry.toolsOf('shop', ['get_rate']), { code: 'not_found' });
  await t.rejects(registry.toolSecret('shop', 'get_rate'), { code: 'not_found' });
  await registry.putTool({ ...TOOL, url: 'https://elsewhere.example.com/' });
  t.equal(await registry.toolSecret('bank', 'get_rate'), null, 'and goes nowhere else');
  const { entries } = await registry.listAudit('bank', { limit: 10, before: null });
  t.ok(entries.some(({ action }) => action === 'tool.put'));
  t.notMatch(JSON.stringify(entries), /hush/);
});

t.test('what could not be called is refused by name', async (t) => {
  const registry = await openTestRegistry(t.testdir({}));
  t.teardown(() => registry.close());
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  const refused = (param: string) => ({ code: 'invalid_value', params: { param } });
  await t.rejects(registry.putTool({ ...TOOL, name: 'a b' }), refused('name'));
  await t.rejects(registry.putTool({ ...TOOL, timeoutMs: 0 }), refused('timeoutMs'));
  await t.rejects(registry.putTool({ ...TOOL, parameters: { type: 'string' } }), refused('parameters.type'));
  const parameters = { type: 'object', properties: { a: { type: 'string', pattern: '(a+)+$' } } };
  await t.rejects(registry.putTool({ ...TOOL, parameters }), refused('parameters'));
});

t.test('a deployment names functions that are there, and keeps those that it has', async (t) => {
  const registry = await openTestRegistry(t.testdir({}));
  t.teardown(() => registry.close());
  await registry.createTenant({ id: 'bank', name: 'Bank' });
  await t.rejects(registry.putDeployment({ ...DEPLOYMENT, tools: ['get_rate'] }), { code: 'not_found' });
  await registry.putTool(TOOL);
  await registry.putDeployment({ ...DEPLOYMENT, tools: ['get_rate'] });
  t.same((await registry.putDeployment({ ...DEPLOYMENT, instructions: 'Help.' })).tools, ['get_rate']);
  await t.rejects(registry.removeTool('bank', 'get_rate'), { code: 'invalid_value', params: { reason: /assistant/ } });
  await registry.putDeployment({ ...DEPLOYMENT, tools: [] });
  t.match(await registry.removeTool('bank', 'get_rate'), { name: 'get_rate' });
  t.same(await registry.listTools('bank'), []);
});
