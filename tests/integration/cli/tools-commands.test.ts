import { writeFileSync } from 'node:fs';
import t from 'tap';
import { startMcpServer } from '../../fixtures/mcp-server.js';
import { cliApp } from './cli-app.js';

const settings = { SWITCHYARD_TOOLS_ALLOWED_HOSTS: '127.0.0.1', SWITCHYARD_TOOLS_PRIVATE_ADDRESSES: 'true' };
const tenant = ['--tenant', 'bank'];

t.test('functions are written, taken over from an MCP server, named by a deployment, and removed', async (t) => {
  const secrets = new Set<string | undefined>();
  const port = await startMcpServer(t, ({ headers }) => {
    secrets.add(headers.authorization);
    return false;
  });
  const { root, registry, cli, json } = await cliApp(t, { settings });
  const url = `http://127.0.0.1:${port}/mcp`;
  const [secret, file] = [`${root}/secret`, `${root}/stock.json`];
  writeFileSync(secret, 'hush\n');
  const parameters = { type: 'object', properties: {} };
  writeFileSync(file, JSON.stringify({ description: 'Stock.', parameters, url: 'http://127.0.0.1/stock' }));

  const put = await json('tools', 'put', 'check_stock', file, ...tenant, '--secret-file', secret);
  t.match(put, { name: 'check_stock', mcpTool: null, hasSecret: true, method: 'POST', timeoutMs: 5000 });
  t.equal(await registry.toolSecret('bank', 'check_stock'), 'hush');

  const take = ['tools', 'import', url, ...tenant, '--prefix', 'crm_'];
  const chosen = await json(...take, '--only', 'find.customer', '--secret-file', secret, '--timeout', '900');
  t.match(chosen, {
    data: [{ name: 'crm_find_customer', mcpTool: 'find.customer', url, timeoutMs: 900 }],
    refused: [],
  });
  const all = await cli(...take);
  t.match(all.out, /crm_find_customer +find\.customer at .* yes[\s\S]*crm_hangs/);
  t.match(all.err, /by-code was left out: parameters: must hold no pattern/);
  t.same([...secrets], ['Bearer hush'], 'the one that is there is sent again');
  t.match(await cli(...take, '--only', 'nothing'), { code: 1, err: /names nothing/ });

  const set = ['deployments', 'set', 'assistant', ...tenant];
  t.match(await json(...set, '--tools', 'check_stock', 'crm_find_customer'), {
    tools: ['check_stock', 'crm_find_customer'],
  });
  t.match(await json(...set, '--top-k', '5'), { tools: ['check_stock', 'crm_find_customer'] });
  t.match((await cli('deployments', 'list', ...tenant)).out, /check_stock, crm_find_customer/);
  t.match(await cli('tools', 'remove', 'check_stock', ...tenant), { code: 1, err: /assistant/ });
  t.same((await json(...set, '--no-tools')).tools, []);
  t.match(await json('tools', 'remove', 'check_stock', ...tenant), { name: 'check_stock' });
  t.notMatch((await cli('tools', 'list', ...tenant)).out, /check_stock/);
  t.notMatch((await cli('--json', 'tools', 'list', ...tenant)).out, /hush/);
});

t.test('what is no MCP server, or of another host, is refused by name', async (t) => {
  const { cli } = await cliApp(t, { settings });
  t.match(await cli('tools', 'import', 'http://127.0.0.1:1/mcp', ...tenant), { code: 1, err: /url.*reached/ });
  t.match(await cli('tools', 'import', 'http://elsewhere.example.com/mcp', ...tenant), {
    code: 1,
    err: /allowedHosts/,
  });
});
