import { writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { loadConfig } from '../../../src/config/load.js';
import { redacted } from '../../../src/config/redact.js';
import { SETTINGS } from '../../../src/config/settings.js';

const fails = (reason: RegExp) => ({ code: 'config_invalid', message: reason });

t.test('without file and variables every setting has its default and the data folder is absolute', async (t) => {
  const cwd = t.testdir({});
  const config = loadConfig({ env: {}, cwd });
  t.equal(config.dataDir, join(cwd, '.switchyard'));
  for (const { path, default: fallback } of SETTINGS.filter(({ path }) => path !== 'dataDir')) {
    const value = path.split('.').reduce<unknown>((parent, key) => (parent as Record<string, unknown>)[key], config);
    t.equal(value, fallback, path);
  }
});

t.test('the environment wins over the file, and the file over the defaults', async (t) => {
  const cwd = t.testdir({
    'switchyard.config.json': JSON.stringify({ demo: false, engine: { slots: 2, threads: 3 } }),
  });
  const config = loadConfig({
    env: { SWITCHYARD_ENGINE_SLOTS: '4', HOST: '0.0.0.0', PORT: '0', SWITCHYARD_DATA: '/data', OTHER: 'ignored' },
    cwd,
  });
  t.equal(config.engine.slots, 4);
  t.equal(config.engine.threads, 3);
  t.equal(config.engine.maxQueued, 64);
  t.equal(config.demo, false);
  t.equal(config.server.host, '0.0.0.0');
  t.equal(config.server.port, 0);
  t.equal(config.dataDir, '/data');
});

t.test('SWITCHYARD_CONFIG names another file, and a missing one stops the start', async (t) => {
  const cwd = t.testdir({ 'my.json': '{"metrics":{"maxLabelValues":7}}' });
  t.equal(loadConfig({ env: { SWITCHYARD_CONFIG: 'my.json' }, cwd }).metrics.maxLabelValues, 7);
  t.throws(() => loadConfig({ env: { SWITCHYARD_CONFIG: 'no.json' }, cwd }), fails(/no\.json cannot be read/));
});

t.test('an empty variable counts as not set', async (t) => {
  t.equal(loadConfig({ env: { PORT: '', SWITCHYARD_CONFIG: '' }, cwd: t.testdir({}) }).server.port, 8080);
});

t.test('an unknown key or variable is named together with the nearest known one', async (t) => {
  const cwd = t.testdir({});
  const withFile = (content: unknown) => {
    writeFileSync(join(cwd, 'c.json'), JSON.stringify(content));
    return () => loadConfig({ env: { SWITCHYARD_CONFIG: 'c.json' }, cwd });
  };
  t.throws(withFile({ engine: { slot: 4 } }), fails(/engine\.slot is not a setting; the nearest one is engine\.slots/));
  t.throws(withFile({ serverr: { port: 1 } }), fails(/serverr is not a setting/));
  t.throws(
    () => loadConfig({ env: { SWITCHYARD_ENGINE_SLOT: '4' }, cwd }),
    fails(/SWITCHYARD_ENGINE_SLOT is not a setting; the nearest one is SWITCHYARD_ENGINE_SLOTS/),
  );
});

t.test('a wrong type or range names the key, what it accepts and what was given', async (t) => {
  const cwd = t.testdir({});
  const withEnv = (env: Record<string, string>) => () => loadConfig({ env, cwd });
  t.throws(withEnv({ SWITCHYARD_ENGINE_SLOTS: '99' }), fails(/SLOTS must be an integer from 1 to 64, got 99/));
  t.throws(withEnv({ PORT: '80.5' }), fails(/PORT must be an integer from 0 to 65535, got 80\.5/));
  t.throws(withEnv({ PORT: 'http' }), fails(/PORT must be an integer from 0 to 65535, got "http"/));
  t.throws(withEnv({ SWITCHYARD_DEMO: 'yes' }), fails(/SWITCHYARD_DEMO must be true or false, got "yes"/));
  t.throws(withEnv({ SWITCHYARD_SERVER_LOG_LEVEL: 'loud' }), fails(/must be one of fatal, error, .*, got "loud"/));
  for (const content of ['{', '[]', '{"engine":3}', '{"engine":{"slots":"4"}}']) {
    writeFileSync(join(cwd, 'c.json'), content);
    t.throws(withEnv({ SWITCHYARD_CONFIG: 'c.json' }), { code: 'config_invalid' }, content);
  }
});

t.test('with demo keys nothing but loopback is bound', async (t) => {
  const cwd = t.testdir({});
  for (const host of ['0.0.0.0', '::', '192.168.1.4', 'example.com', '127.evil.example']) {
    const env = { SWITCHYARD_SERVER_HOST: host };
    t.throws(() => loadConfig({ env, cwd }), fails(/SWITCHYARD_DEMO=false/), host);
    t.equal(loadConfig({ env: { ...env, SWITCHYARD_DEMO: 'false' }, cwd }).server.host, host);
  }
  t.throws(() => loadConfig({ env: { HOST: '0.0.0.0' }, cwd }), fails(/SWITCHYARD_DEMO=false/));
  for (const HOST of ['127.0.0.1', '127.0.0.9', '::1', 'localhost']) {
    t.equal(loadConfig({ env: { HOST }, cwd }).server.host, HOST);
  }
});

t.test('passages must be longer than their overlap', async (t) => {
  const env = { SWITCHYARD_RETRIEVAL_PASSAGE_TOKENS: '16', SWITCHYARD_RETRIEVAL_OVERLAP_TOKENS: '16' };
  t.throws(() => loadConfig({ env, cwd: t.testdir({}) }), fails(/overlapTokens must be less than/));
});

t.test('backups lie outside of the data folder, and a store has its key', async (t) => {
  const cwd = t.testdir({});
  const load = (env: Record<string, string>) => loadConfig({ env, cwd }).backup;
  t.equal(load({ SWITCHYARD_BACKUP_FOLDER: 'backups' }).folder, join(cwd, 'backups'));
  t.equal(
    load({ SWITCHYARD_DATA: 'data', SWITCHYARD_BACKUP_FOLDER: 'data-backups' }).folder,
    join(cwd, 'data-backups'),
  );
  for (const folder of ['data', 'data/backups']) {
    const env = { SWITCHYARD_DATA: 'data', SWITCHYARD_BACKUP_FOLDER: folder };
    t.throws(() => load(env), fails(/backup\.folder must lie outside of dataDir/), folder);
  }
  const store = { SWITCHYARD_BACKUP_FOLDER: 'b', SWITCHYARD_BACKUP_S3_URL: 'https://s3.example.com/bucket' };
  t.throws(() => load(store), fails(/backup\.s3Url needs backup\.folder, backup\.s3AccessKeyId and/));
  const key = { SWITCHYARD_BACKUP_S3_ACCESS_KEY_ID: 'id', SWITCHYARD_BACKUP_S3_SECRET_KEY_FILE: 'secret' };
  t.match(load({ ...store, ...key }), { s3Url: 'https://s3.example.com/bucket', s3SecretKeyFile: join(cwd, 'secret') });
  t.throws(() => load({ ...store, ...key, SWITCHYARD_BACKUP_S3_URL: 'https://s3.example.com' }), fails(/S3_URL must/));
});

t.test('the result cannot be changed', async (t) => {
  const config = loadConfig({ env: {}, cwd: t.testdir({}) });
  t.throws(() => Object.assign(config.engine, { slots: 1 }), TypeError);
  t.throws(() => Object.assign(config, { demo: false }), TypeError);
});

t.test('what Kubernetes tells a pod about a Service of our name is no setting', async (t) => {
  const cwd = t.testdir({});
  const service = (prefix: string) => ({
    [`${prefix}_SERVICE_HOST`]: '10.96.0.12',
    [`${prefix}_SERVICE_PORT`]: '8080',
    [`${prefix}_SERVICE_PORT_HTTP`]: '8080',
    [`${prefix}_PORT`]: 'tcp://10.96.0.12:8080',
    [`${prefix}_PORT_8080_TCP`]: 'tcp://10.96.0.12:8080',
    [`${prefix}_PORT_8080_TCP_PROTO`]: 'tcp',
    [`${prefix}_PORT_8080_TCP_PORT`]: '8080',
    [`${prefix}_PORT_8080_TCP_ADDR`]: '10.96.0.12',
  });
  for (const prefix of ['SWITCHYARD', 'SWITCHYARD_GATEWAY', 'SWITCHYARD_SERVER']) {
    t.equal(loadConfig({ env: service(prefix), cwd }).server.port, 8080, prefix);
  }
  t.equal(loadConfig({ env: { SWITCHYARD_SERVER_PORT: '81' }, cwd }).server.port, 81);
  t.throws(() => loadConfig({ env: { SWITCHYARD_PORT: '81' }, cwd }), fails(/SWITCHYARD_PORT is not a setting/));
});

t.test('HOST counts only where it is an address: compilers and shells use the name for other things', async (t) => {
  const cwd = t.testdir({});
  for (const HOST of ['x86_64-conda-linux-gnu', 'my-laptop']) {
    t.equal(loadConfig({ env: { HOST }, cwd }).server.host, '127.0.0.1', HOST);
  }
  t.equal(loadConfig({ env: { HOST: '::1' }, cwd }).server.host, '::1');
});

t.test('a file with a byte order mark is read, in UTF-8 and in UTF-16', async (t) => {
  const cwd = t.testdir({});
  const text = '\ufeff{"engine":{"slots":3}}';
  for (const encoding of ['utf8', 'utf16le'] as const) {
    writeFileSync(join(cwd, 'c.json'), text, encoding);
    t.equal(loadConfig({ env: { SWITCHYARD_CONFIG: 'c.json' }, cwd }).engine.slots, 3, encoding);
  }
});

t.test("a tilde that no shell replaced is the home folder, and nobody else's", async (t) => {
  const cwd = t.testdir({});
  const load = (path: string) =>
    loadConfig({ env: { SWITCHYARD_DATA: path, SWITCHYARD_MODELS_SOURCE_DIR: path }, cwd });
  t.equal(load('~/x').dataDir, join(homedir(), 'x'));
  t.equal(load('~').dataDir, homedir());
  t.equal(load('~/x').models.sourceDir, join(homedir(), 'x'));
  t.equal(load('x~').dataDir, join(cwd, 'x~'));
  t.throws(() => load('~root/x'), fails(/dataDir must not start with another user's home folder/));
});

t.test('the key of servers behind it comes from a file as well, and goes nowhere else', (t) => {
  const cwd = t.testdir({ key: 'sk-upstream\n' });
  const config = loadConfig({ env: { SWITCHYARD_UPSTREAM_API_KEY_FILE: 'key' }, cwd });
  t.equal(config.upstream.apiKey, 'sk-upstream');
  t.notMatch(JSON.stringify([...redacted(config).values()]), 'sk-upstream');
  t.end();
});

t.test('the URL of a database comes from a file as well, and no message shows the password in it', (t) => {
  const url = 'postgres://gateway:secret@db/documents';
  const cwd = t.testdir({ url: `${url}\n`, empty: '', other: 'mysql://gateway:secret@db/documents' });
  const load = (env: Record<string, string>) => () => loadConfig({ env, cwd });
  t.equal(load({ SWITCHYARD_DATABASE_URL: url })().database.url, url);
  t.equal(load({ SWITCHYARD_DATABASE_URL_FILE: 'url' })().database.url, url);
  t.equal(load({})().database.url, '');
  for (const name of ['empty', 'other', 'none']) {
    t.throws(
      load({ SWITCHYARD_DATABASE_URL_FILE: name }),
      fails(/^(?!.*secret).*database\.urlFile .*(must be a URL|is empty|cannot be read)/),
    );
  }
  t.throws(load({ SWITCHYARD_DATABASE_URL_FILE: 'url', SWITCHYARD_DATABASE_URL: url }), fails(/must not both be set/));
  for (const name of ['SWITCHYARD_DATABASE_URL', 'SWITCHYARD_REGISTRY_URL']) {
    const wrong = load({ [name]: 'mysql://gateway:secret@db/documents' });
    t.throws(wrong, fails(new RegExp(`^(?!.*secret).*${name} must be a URL that begins with postgres:`)));
  }
  const wrong = { SWITCHYARD_TRACING_ENDPOINT: 'ftp://me:secret@traces' };
  t.throws(load(wrong), fails(/^(?!.*secret).*_ENDPOINT must be a URL that begins with http:.*@traces/));
  t.end();
});
