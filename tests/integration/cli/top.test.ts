import t from 'tap';
import { ADMIN_KEY, createTestServer, KEY, METRICS_KEY } from '../../http/fakes.js';
import { run } from './cli-app.js';

t.test('top prints once where no person watches, and is told what is wrong', async (t) => {
  const { app } = await createTestServer({ demo: false });
  t.teardown(() => app.close());
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const top = (key: string, ...argv: string[]) => run('--url', url, '--key', key, ...argv, 'top', '--every', '0.2');
  const { code, out } = await top(ADMIN_KEY);
  t.equal(code, 0);
  t.match(out, new RegExp(`^${url} {2}ready`));
  t.match(out, /slots +\[.{30}\] \d+ of \d+, 0 waiting\n/);
  t.notMatch(out, '\x1b', 'nothing is redrawn');
  t.match(JSON.parse((await top(METRICS_KEY, '--json')).out), { requestsPerS: 0, queued: 0, traffic: [] });
  t.match(await top(KEY), { code: 1, err: /scope/ });
  t.match(await run('top', '--every', '0'), { code: 2, err: /0\.2 to 3600/ });
  t.match(await run('--url', 'http://127.0.0.1:9', 'top'), { code: 1, err: /Nothing answers/ });
});
