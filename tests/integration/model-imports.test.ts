import t from 'tap';
import { registerBank } from '../fixtures/gateway/bank.js';
import { run } from './cli/cli-app.js';
import { NO_ENGINE, removeDataDir, startGateway, temporaryDataDir } from './gateway-process.js';

t.test('a gateway that runs imports a model, and says of one that it cannot have why', async (t) => {
  const dataDir = temporaryDataDir();
  t.teardown(() => removeDataDir(dataDir));
  const [admin] = await registerBank(dataDir, ['admin']);
  const gateway = await startGateway(dataDir, { ...NO_ENGINE, SWITCHYARD_DEMO: 'false' });
  t.teardown(() => gateway.stop());
  const imports = (...argv: string[]) => run('--url', gateway.url, '--key', admin!, 'models', 'imports', ...argv);
  const there = await imports('start', 'smollm2-135m-instruct', '--wait');
  t.match(there, { code: 0, out: /smollm2-135m-instruct +- +completed +100 %/, err: /start the gateway anew/ });
  const headers = { authorization: `Bearer ${admin}` };
  const { data } = (await (await fetch(`${gateway.url}/admin/models`, { headers })).json()) as {
    data: { id: string }[];
  };
  t.match(
    data.filter(({ id }) => id === 'smollm2-135m-instruct'),
    [{ kind: 'base', isImported: true, isInUse: true }],
  );
  t.match(await imports('start', 'nothing'), { code: 1, err: /nothing is not known/ });
  t.match((await imports('list')).out, /smollm2-135m-instruct/);
});
