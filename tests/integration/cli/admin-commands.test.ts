import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import t from 'tap';
import type { Retrieval } from '../../../src/contracts/retrieval.js';
import { AppError } from '../../../src/errors/app-error.js';
import { cliApp } from './cli-app.js';

t.test('tenants and keys are created, listed and revoked', async (t) => {
  const { registry, cli, json } = await cliApp(t);
  t.match(await json('tenants', 'create', 'shop', '--name', 'The Shop'), { id: 'shop', name: 'The Shop' });
  const tenants = await cli('tenants', 'list');
  t.match(tenants.out, /^ID +NAME +CREATED\nbank +Bank .*\nshop +The Shop .* UTC\n$/);

  const key = await json('keys', 'create', '--tenant', 'shop', '--label', 'backend', '--scopes', 'inference', 'route');
  t.match(await registry.authenticate(key.secret), { tenant: 'shop', scopes: ['inference', 'route'] });
  t.match(await json('keys', 'list', '--tenant', 'shop'), [{ id: key.id, label: 'backend', revokedAt: null }]);
  t.equal((await cli('keys', 'revoke', key.id, '--tenant', 'shop')).code, 0);
  t.equal(await registry.authenticate(key.secret), null);
});

t.test(
  'keys speak for groups, signers for those of others, and deployments answer from the stores they name',
  async (t) => {
    const store = async (_tenant: string, id: string) => {
      if (id === 'vs_none') throw new AppError('not_found', { what: 'Vector store', id });
    };
    const retrieval = { getStore: store } as unknown as Retrieval;
    const { root, registry, cli, json } = await cliApp(t, { retrieval });
    const tenant = ['--tenant', 'bank'];
    const key = await json('keys', 'create', ...tenant, '--groups', 'hr', 'board');
    t.match(await registry.authenticate(key.secret), { scopes: ['inference'], groups: ['hr', 'board'] });
    t.match((await cli('keys', 'list', ...tenant)).out, /inference +hr, board +/);

    const { publicKey } = generateKeyPairSync('ed25519');
    const file = `${root}/public.pem`;
    writeFileSync(file, publicKey.export({ type: 'spki', format: 'pem' }));
    t.match(await json('signers', 'add', 'intranet', ...tenant, '--public-key', file), { algorithm: 'EdDSA' });
    t.match((await cli('signers', 'list', ...tenant)).out, /intranet +EdDSA/);
    t.match(await json('signers', 'remove', 'intranet', ...tenant), { name: 'intranet' });
    t.same(await json('signers', 'list', ...tenant), []);
    t.match(await cli('signers', 'add', 'x', ...tenant, '--public-key', `${root}/no`), {
      code: 2,
      err: /cannot be read/,
    });

    const set = ['deployments', 'set', 'assistant', ...tenant];
    t.match(await json(...set, '--stores', 'vs_1', 'vs_2'), { retrieval: { storeIds: ['vs_1', 'vs_2'] } });
    t.match(await json(...set, '--top-k', '5'), { retrieval: { storeIds: ['vs_1', 'vs_2'], topK: 5 } });
    t.match((await cli('deployments', 'list', ...tenant)).out, /top 5 of vs_1, vs_2 /);
    t.match(await cli(...set, '--stores', 'vs_none'), { code: 1, err: /Vector store vs_none does not exist/ });
    t.notOk('storeIds' in (await json(...set, '--default-store')).retrieval);
  },
);

t.test('a new version is added, tried as a canary, promoted and rolled back', async (t) => {
  const { root, cli, json } = await cliApp(t);
  const tenant = ['--tenant', 'bank'];
  t.match(await json('adapters', 'add', `${root}/one`, ...tenant, '--name', 'support'), { version: 1 });
  t.match(await json('adapters', 'add', `${root}/two`, ...tenant, '--name', 'support', '--version', '7'), {
    version: 7,
  });
  t.match((await cli('adapters', 'list', ...tenant)).out, /support@1 .*\nsupport@7 /);

  const set = ['deployments', 'set', 'assistant', ...tenant];
  t.match(await json(...set, '--adapter', 'support@1', '--instructions', 'Be brief.'), {
    adapter: 'support',
    stableVersion: 1,
    instructions: 'Be brief.',
    retrieval: { enabled: true },
  });
  t.match(await json(...set, '--retrieval', 'off', '--top-k', '5'), {
    stableVersion: 1,
    instructions: 'Be brief.',
    retrieval: { enabled: false, topK: 5 },
  });
  const canary = await cli('deployments', 'set-canary', 'assistant', ...tenant, '--version', '7', '--weight', '12.5');
  t.match(canary.out, /support@1 +support@7 at 12\.5 % +off/);
  t.match(await json('deployments', 'promote', 'assistant', ...tenant), { stableVersion: 7, canaryVersion: null });
  t.match(await json('deployments', 'rollback', 'assistant', ...tenant), { stableVersion: 1 });
  t.match(await json(...set, '--base'), { adapter: null, stableVersion: null, instructions: 'Be brief.' });
  t.match(await json('deployments', 'list', ...tenant), [{ name: 'assistant', revision: 6 }]);
});

t.test("a refusal is told in the gateway's own sentence", async (t) => {
  const { root, cli } = await cliApp(t);
  t.same(await cli('deployments', 'promote', 'nothing', '--tenant', 'bank'), {
    code: 1,
    out: '',
    err: 'switchyard: Deployment nothing does not exist.\n',
  });
  t.match(await cli('adapters', 'add', `${root}/empty`, '--tenant', 'bank', '--name', 'support'), {
    code: 1,
    err: /^switchyard: The adapter in .*empty was refused: it has no weights\.\n$/,
  });
  t.match(await cli('--key', 'sk-wrong', 'tenants', 'list'), {
    code: 1,
    err: /^switchyard: The API key is missing or/,
  });
});
