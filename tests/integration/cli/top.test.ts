import t from 'tap';
import { ADMIN_KEY, TENANT_KEY } from '../../http/admin-app.js';
import { cliApp, run } from './cli-app.js';

t.test('top prints once where no person watches, and is told what is wrong', async (t) => {
  const { url, cli, json } = await cliApp(t);
  const top = ['--key', ADMIN_KEY, 'top', '--every', '0.2'];
  const { code, out } = await cli(...top);
  t.equal(code, 0);
  t.match(out, new RegExp(`^${url} {2}ready`));
  t.match(out, /slots +\[ {30}\] 0 of 0, 0 waiting\n/);
  t.notMatch(out, '\x1b', 'nothing is redrawn');
  t.match(await json(...top), { slots: 0, requestsPerS: 0, traffic: [] });
  t.match(await cli('--key', TENANT_KEY, 'top'), { code: 1, err: /needs the scope/ });
  t.match(await cli(...top.slice(0, 3), '--every', '0'), { code: 2, err: /0\.2 to 3600/ });
  t.match(await run('--url', 'http://127.0.0.1:9', 'top'), { code: 1, err: /Nothing answers/ });
});
