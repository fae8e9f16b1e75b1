import t from 'tap';
import { bearer, createTestServer } from './fakes.js';

t.test(
  'with the demo keys only names of this machine are served, so that no web page can let its own name point here',
  async (t) => {
    const { app } = await createTestServer({ demo: true });
    t.teardown(() => app.close());
    const ask = (host: string) => app.inject({ url: '/v1/models', headers: { ...bearer(), host } });
    for (const host of [
      'localhost',
      'localhost:8080',
      'LOCALHOST',
      '127.0.0.1:8080',
      '127.0.0.9',
      '[::1]:8080',
      '[::1]',
    ]) {
      t.equal((await ask(host)).statusCode, 200, host);
    }
    for (const host of [
      'rebound.example:8080',
      '127.0.0.1.rebound.example',
      'localhost.example',
      '10.0.0.7',
      'x:y:1',
    ]) {
      const response = await ask(host);
      t.equal(response.statusCode, 421, host);
      t.match(response.json().error, { code: 'host_not_served', message: /SWITCHYARD_DEMO=false/ });
    }
    t.equal((await app.inject({ url: '/nowhere', headers: { host: 'rebound.example' } })).statusCode, 421);
  },
);

t.test('without demo keys any name is served', async (t) => {
  const { app } = await createTestServer({ demo: false });
  t.teardown(() => app.close());
  const response = await app.inject({ url: '/v1/models', headers: { ...bearer(), host: 'gateway.example' } });
  t.equal(response.statusCode, 200);
});
