import t from 'tap';
import { enginesOf } from '../../../src/config/engines.js';
import { loadConfig } from '../../../src/config/load.js';
import { redacted } from '../../../src/config/redact.js';
import { settingValues } from '../../../src/config/settings.js';

const fails = (reason: RegExp) => ({ code: 'config_invalid', message: reason });
const gpu = { urls: 'http://10.0.0.9:8000', slots: 8 };

t.test('the default engine is the embedded one, the servers of upstream, or the one that is named', (t) => {
  const cwd = t.testdir({ key: 'sk-gpu\n' });
  const load = (env: Record<string, string>) => enginesOf(loadConfig({ env, cwd }));
  const pools = { SWITCHYARD_ENGINES_POOLS: JSON.stringify({ gpu }) };
  const upstream = { SWITCHYARD_UPSTREAM_URLS: 'http://10.0.0.1:8000' };
  t.match(load({}), { names: ['embedded'], embedded: true });
  t.match(load(upstream), { names: ['upstream'], embedded: false });
  t.match(load(pools), { names: ['embedded', 'gpu'], embedded: true });
  t.match(load({ ...pools, ...upstream }), { names: ['upstream', 'gpu'], embedded: false });
  t.match(load({ ...upstream, SWITCHYARD_ENGINES_EMBEDDED: 'true' }), { names: ['upstream', 'embedded'] });
  t.match(load({ ...upstream, SWITCHYARD_ENGINES_DEFAULT: 'embedded' }), { names: ['embedded', 'upstream'] });
  t.match(load({ ...pools, SWITCHYARD_ENGINES_DEFAULT: 'gpu' }), { names: ['gpu'], embedded: false });
  t.end();
});

t.test('a pool has all settings of upstream, and its key from a file', (t) => {
  const file = { engines: { pools: { gpu: { ...gpu, apiKeyFile: 'key' }, cpu: { urls: 'http://b:1, http://c:1/' } } } };
  const cwd = t.testdir({ key: 'sk-gpu\n', 'switchyard.config.json': JSON.stringify(file) });
  const config = loadConfig({ env: {}, cwd });
  t.match(config.engines.pools, {
    gpu: { urls: gpu.urls, slots: 8, dialect: 'vllm', apiKey: 'sk-gpu' },
    cpu: { slots: 32, retryPercent: 20 },
  });
  const shown = JSON.stringify([...redacted(config).values(), settingValues(config)]);
  t.notMatch(shown, 'sk-gpu');
  t.match(shown, 'http://10.0.0.9:8000');
  t.end();
});

t.test('what is wrong with a pool is named with it', (t) => {
  const cwd = t.testdir({});
  const wrong = (pools: unknown, reason: RegExp, more: Record<string, string> = {}) => {
    const text = typeof pools === 'string' ? pools : JSON.stringify(pools);
    t.throws(() => loadConfig({ env: { SWITCHYARD_ENGINES_POOLS: text, ...more }, cwd }), fails(reason), text);
  };
  wrong('{', /SWITCHYARD_ENGINES_POOLS must be an object of up to 16 pools/);
  wrong([], /must be an object of up to 16 pools/);
  wrong(Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`p${i}`, gpu])), /up to 16 pools/);
  wrong({ 'Big GPU': gpu }, /POOLS\.Big GPU must be called by 1 to 32 lower-case letters/);
  wrong({ embedded: gpu }, /and not embedded or upstream/);
  wrong({ gpu: 'http://x' }, /POOLS\.gpu must be an object with settings/);
  wrong({ gpu: { url: 'http://x' } }, /POOLS\.gpu\.url is not a setting; the nearest one is .*\.gpu\.urls/);
  wrong({ gpu: { ...gpu, slots: 0 } }, /POOLS\.gpu\.slots must be an integer from 1 to 10000, got 0/);
  wrong({ gpu: {} }, /engines\.pools\.gpu\.urls must hold the addresses/);
  wrong({ gpu: { urls: 'ftp://x' } }, /engines\.pools\.gpu\.urls must hold addresses like/);
  wrong({ gpu, other: gpu }, /pools\.other\.urls must not hold .*, which engines\.pools\.gpu\.urls holds already/);
  const pool = (urls: string) => ({ ...gpu, urls });
  const same = /pools\.other\.urls must not hold .*holds already/;
  wrong({ gpu: pool('http://gpu-1'), other: pool('http://GPU-1:80/') }, same);
  wrong({ gpu: pool('https://gpu-1:443/v'), other: pool('http://gpu-2, https://gpu-1/v/') }, same);
  wrong({ gpu }, /engines\.default must be one of embedded, gpu, got "tpu"/, { SWITCHYARD_ENGINES_DEFAULT: 'tpu' });
  t.end();
});
