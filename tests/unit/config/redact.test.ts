import t from 'tap';
import { loadConfig } from '../../../src/config/load.js';
import { redact, redacted } from '../../../src/config/redact.js';

t.test('what is secret is left out, by the name of the setting and inside addresses', async (t) => {
  t.equal(redact({ path: 'upstream.apiKey' }, 'sk-1'), '‹redacted›');
  t.equal(redact({ path: 'database.password' }, 'p'), '‹redacted›');
  t.equal(redact({ path: 'database.url' }, 'postgres://role:p@ss@db:5432/a'), 'postgres://‹redacted›@db:5432/a');
  t.equal(redact({ path: 'registry.url' }, 'postgres://role:a/b@db/r'), 'postgres://‹redacted›@db/r');
  t.equal(
    redact({ path: 'database.url' }, 'postgres://db/a?password=p&user=u'),
    'postgres://db/a?password=‹redacted›&user=u',
  );
  t.equal(redact({ path: 'upstream.urls' }, 'http://u:p@a:1,http://b:2'), 'http://‹redacted›@a:1,http://b:2');
});

t.test('what is none is shown, and so is that nothing is set', async (t) => {
  t.equal(redact({ path: 'upstream.apiKey' }, ''), '');
  t.equal(redact({ path: 'database.urlFile' }, '/run/secrets/db'), '/run/secrets/db');
  t.equal(redact({ path: 'engine.contextTokens' }, 8192), 8192);
  const config = loadConfig({ env: {}, cwd: '/' });
  const values = Object.fromEntries([...redacted(config)].map(([{ path }, value]) => [path, value]));
  t.match(values, { demo: true, 'server.port': 8080, 'engine.maxAdapterRank': 64, 'models.sourceDir': '' });
});
