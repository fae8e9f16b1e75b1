import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import type { Retrieval } from '../../../src/contracts/retrieval.js';
import { AppError } from '../../../src/errors/app-error.js';
import { cliApp } from './cli-app.js';

t.test('tenants and keys are created, listed and revoked', async (t) => {
  const { registry, cli, json } = await cliApp(t);
  t.match(await json('tenants', 'create', 'shop', '--name', 'The Shop'), { id: 'shop', name: 'The Shop' });
  const tenants = await cli('tenants', 'list');
  t.match(tenants.out, /^ID +NAME +CREATED +REVISION\nbank +Bank .*\nshop +The Shop .* UTC +1\n$/);
  t.match(await json('tenants', 'rename', 'shop', '--name', 'Store', '--if-revision', '1'), { revision: 2 });
  t.match(await cli('tenants', 'rename', 'shop', '--name', 'Mine', '--if-revision', '1'), {
    code: 1,
    err: /tenant shop is at revision 2, not 1/,
  });

  const key = await json('keys', 'create', '--tenant', 'shop', '--label', 'backend', '--scopes', 'inference', 'route');
  t.match(await registry.authenticate(key.secret), { tenant: 'shop', scopes: ['inference', 'route'] });
  t.match(await json('keys', 'list', '--tenant', 'shop'), [{ id: key.id, label: 'backend', revokedAt: null }]);
  const rotated = await json('keys', 'rotate', key.id, '--tenant', 'shop', '--grace', '60');
  t.match(await registry.authenticate(rotated.secret), { keyId: key.id });
  const stale = await cli('keys', 'revoke', key.id, '--tenant', 'shop', '--if-revision', '1');
  t.match(stale, { code: 1, err: /is at revision 2, not 1/ });
  t.match(await json('keys', 'scopes', key.id, '--tenant', 'shop', '--scopes', 'release'), { scopes: ['release'] });
  t.match(await cli('keys', 'create', '--tenant', 'shop', '--expires', 'soon'), { code: 2, err: /90d or 12h/ });
  // The clock of these tests stands long before this one, and a key lives ten years at most.
  t.match(await cli('keys', 'create', '--tenant', 'shop', '--expires', '90d'), {
    code: 1,
    err: /^switchyard: expiresAt/,
  });
  t.equal((await cli('keys', 'revoke', key.id, '--tenant', 'shop')).code, 0);
  for (const secret of [key.secret, rotated.secret]) t.equal(await registry.authenticate(secret), null);
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
    t.match((await cli('signers', 'list', ...tenant)).out, /intranet +groups +EdDSA/);
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
  t.match(canary.out, /support@1 +support@7 at 12\.5 % +- +off/);
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
    code: 2,
    err: /empty has no adapter_config\.json: name a folder with adapter_config\.json and adapter_model/,
  });
  writeFileSync(`${root}/one/adapter_model.safetensors`, 'refused');
  t.match(await cli('adapters', 'add', `${root}/one`, '--tenant', 'bank', '--name', 'support'), {
    code: 1,
    err: 'switchyard: The adapter in the upload was refused: as the test wants.\n',
  });
  t.match(await cli('--key', 'sk-wrong', 'tenants', 'list'), {
    code: 1,
    err: /^switchyard: The API key is missing or/,
  });
});

t.test('a rollout is started, watched, paused, and its history told', async (t) => {
  const { root, registry, cli, json } = await cliApp(t);
  const tenant = ['--tenant', 'bank'];
  for (const folder of ['one', 'two'])
    await cli('adapters', 'add', `${root}/${folder}`, ...tenant, '--name', 'support');
  await cli('deployments', 'set', 'assistant', ...tenant, '--adapter', 'support@1');
  const plan = [
    '--steps',
    '5',
    '50',
    '100',
    '--least-answers',
    '7',
    '--least-time',
    '1.5',
    '--proven-from',
    '10',
    '--tolerance',
    'errors=0.2',
    '--groups',
    'beta',
    '--shadow',
    '20',
  ];
  t.match(await json('deployments', 'rollout', 'assistant', ...tenant, '--version', '2', ...plan), {
    canaryWeight: 5,
    canaryGroups: ['beta'],
    shadowWeight: 20,
    rollout: {
      steps: [5, 50, 100],
      leastAnswers: 7,
      leastMs: 1500,
      provenFrom: 10,
      status: 'running',
      metrics: { errors: { tolerance: 0.2 } },
    },
  });
  t.match(
    (await cli('deployments', 'pause', 'assistant', ...tenant)).out,
    /support@2 +5 % and beta, 20 % unseen +1 of 3 +paused/,
  );
  t.match((await cli('deployments', 'resume', 'assistant', ...tenant)).out, /running/);
  t.match((await cli('deployments', 'advance', 'assistant', ...tenant)).out, /50 % and beta, 20 % unseen +2 of 3/);
  t.match((await cli('deployments', 'status', 'assistant', ...tenant)).out, /errors +no data/);
  t.match(await json('deployments', 'status', 'assistant', ...tenant), { verdict: { outcome: 'inconclusive' } });

  const watching = cli('deployments', 'status', 'assistant', ...tenant, '--watch', '--every', '0.01');
  await registry.rollback('bank', 'assistant', { actor: 'controller', reason: 'worse in errors' });
  const { out } = await watching;
  t.match(out, /0 answers of the canary \(-\), 0 of stable: inconclusive/);
  t.match(out, /rolled back +support@1 +- +controller .* worse in errors\n$/);

  const types = ['rolled_back', 'advanced', 'resumed', 'paused', 'started', 'deployed'];
  t.same(
    (await json('deployments', 'history', 'assistant', ...tenant)).map(({ type }: { type: string }) => type),
    types,
  );
  t.match(
    (await cli('deployments', 'history', 'assistant', ...tenant, '--limit', '1')).out,
    /^REVISION .*\n.*rolled back.*\n$/,
  );
});

t.test('an experiment is started from a file, reported, stopped, and an arm of it adopted', async (t) => {
  const arms = [
    { name: 'as-is', weight: 50 },
    { name: 'wide', weight: 50, retrieval: { topK: 8 }, generation: { temperature: 0.5 } },
  ];
  const { root, cli, json } = await cliApp(t, { files: { 'arms.json': JSON.stringify(arms), 'no.json': '[' } });
  const of = ['assistant', '--tenant', 'bank'];
  await cli('deployments', 'set', ...of, '--base', '--generation', 'temperature=0.7', 'maxTokens=300');
  const start = (file: string) =>
    cli('experiments', 'start', ...of, '--goal', 'cost', '--arms', `${root}/files/${file}`, '--least-answers', '5');
  t.match(await start('no.json'), { code: 2, err: /a file with a list in JSON/ });
  t.match(await start('arms.json'), { code: 0, out: /assistant +base +as-is 50 %, wide 50 % +cost +2/ });
  t.match((await cli('deployments', 'list', '--tenant', 'bank')).out, /as-is 50 %, wide 50 %/);
  const report = await cli('experiments', 'report', ...of);
  t.match(report.out, /ARM +WEIGHT +REACHED +ANSWERS +THAT TELL +VALUE[\s\S]*wide +50 % +- +0 +0 +- +inconclusive/);
  t.match((await cli('experiments', 'adopt', ...of.slice(0, 1), 'wide', ...of.slice(1))).err, /under way/);
  t.equal((await cli('experiments', 'stop', ...of)).code, 0);
  const watched = await cli('experiments', 'report', ...of, '--watch');
  t.match(watched.out, /^assistant by cost: undecided, stopped: 0 of 5 answers of as-is that tell, ended .* UTC\n/);
  t.match(await json('experiments', 'adopt', 'assistant', 'wide', '--tenant', 'bank'), {
    retrieval: { topK: 8 },
    generation: { temperature: 0.5, maxTokens: 300 },
  });
  t.same((await json('deployments', 'set', ...of, '--no-generation')).generation, {});
  t.match(
    (await cli('deployments', 'set', ...of, '--engine', 'gpu')).err,
    /must be one of embedded, or null, got "gpu"/,
  );
  t.equal((await json('deployments', 'set', ...of, '--engine', 'embedded')).engine, 'embedded');
  t.equal((await json('deployments', 'set', ...of, '--no-engine')).engine, null);
});

t.test('a setting that is changed beside a promotion does not take it back', async (t) => {
  const { root, url, registry, cli } = await cliApp(t);
  const tenant = ['--tenant', 'bank'];
  for (const folder of ['one', 'two'])
    await cli('adapters', 'add', `${root}/${folder}`, ...tenant, '--name', 'support');
  await cli('deployments', 'set', 'assistant', ...tenant, '--adapter', 'support@1');
  await registry.setCanary('bank', 'assistant', { version: 2, weight: 10 });
  // Promotes between the read and the write of whoever comes through it.
  const proxy = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    if (request.method === 'PUT' && (await registry.getDeployment('bank', 'assistant')).canaryVersion !== null) {
      await registry.promote('bank', 'assistant');
    }
    const { host: _, connection: __, 'content-length': ___, ...headers } = request.headers;
    const answer = await fetch(`${url}${request.url}`, {
      method: request.method!,
      headers: headers as Record<string, string>,
      ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
    });
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  t.teardown(() => proxy.close());
  const { port } = proxy.address() as AddressInfo;
  const slow = ['--url', `http://127.0.0.1:${port}`, 'deployments', 'set', 'assistant', ...tenant];
  t.match(await cli(...slow, '--instructions', 'Be brief.'), { code: 0 });
  t.match(await registry.getDeployment('bank', 'assistant'), { stableVersion: 2, instructions: 'Be brief.' });
});

t.test('versions are approved, quarantined, revoked and retired, and named by aliases', async (t) => {
  const { root, cli, json } = await cliApp(t);
  const tenant = ['--tenant', 'bank'];
  for (const folder of ['one', 'two'])
    await cli('adapters', 'add', `${root}/${folder}`, ...tenant, '--name', 'support');
  await cli('deployments', 'set', 'assistant', ...tenant, '--adapter', 'support@1');
  t.match((await cli('adapters', 'list', ...tenant)).out, /support@1 +approved .*\nsupport@2 +candidate /);

  t.match(await json('adapters', 'alias', 'support@1', 'champion', ...tenant, '--if-revision', '0'), { revision: 1 });
  t.match(await cli('adapters', 'alias', 'support@2', 'champion', ...tenant, '--if-revision', '7'), {
    code: 1,
    err: /at revision 1, not 7/,
  });
  t.match((await cli('adapters', 'aliases', ...tenant)).out, /support@champion +1 +1 /);
  t.match(await json('adapters', 'unalias', 'support', 'champion', ...tenant), { alias: 'champion' });

  t.match(await cli('--reason', 'too wordy', 'adapters', 'quarantine', 'support@2', ...tenant), { code: 0 });
  t.match((await cli('adapters', 'history', 'support@2', ...tenant)).out, /candidate +quarantined .* too wordy/);
  t.match(await json('adapters', 'approve', 'support@2', ...tenant), { status: 'approved' });
  const evaluated = ['adapters', 'evaluated', 'support@2', ...tenant, '--name', 'eval'];
  t.match(await json(...evaluated, '--figures', 'fact=0.65', 'cited=0.6'), {
    seq: 1,
    figures: { fact: 0.65, cited: 0.6 },
  });
  t.match(await cli(...evaluated, '--figures', 'fact'), { code: 2, err: /groundedness=0\.91/ });
  t.match(
    (await cli('adapters', 'card', 'support@2', ...tenant)).out,
    /^---\n[\s\S]*# support@2[\s\S]*\| fact \| 0\.65 \|/,
  );
  t.match(await json('adapters', 'bom', 'support@2', ...tenant), { bomFormat: 'CycloneDX', specVersion: '1.6' });
  t.match(await cli('adapters', 'retire', 'support@1', ...tenant), { code: 1, err: /stable of assistant/ });
  t.match(await cli('adapters', 'revoke', 'support@1', ...tenant), { code: 0, err: /assistant are refused now/ });
  t.match(await json('adapters', 'delete', 'support@2', ...tenant), { version: 2 });
  const third = [
    'adapters',
    'add',
    `${root}/two`,
    ...tenant,
    '--name',
    'support',
    '--parent',
    'support@1',
    '--license',
    'MIT',
  ];
  t.match(await json(...third), { version: 3, lineage: { parent: { version: 1 }, license: 'MIT' } });
  t.match((await cli('adapters', 'signatures', ...tenant)).out, /not required/);
  t.match(await json('adapters', 'signatures', 'on', ...tenant), { requireSignatures: true });
  t.match(await cli('adapters', 'add', `${root}/one`, ...tenant, '--name', 'other'), { code: 1, err: /is not signed/ });
  t.match(await cli('adapters', 'signatures', 'maybe', ...tenant), { code: 2, err: /on or off/ });
});

t.test('webhooks are added with a secret, listed without, rotated and removed', async (t) => {
  const { cli, json } = await cliApp(t);
  const tenant = ['--tenant', 'bank'];
  const { id, secret } = await json(
    'webhooks',
    'add',
    'https://ci.example.com/hook',
    ...tenant,
    '--events',
    'promoted',
    'rolled_back',
  );
  t.match((await cli('webhooks', 'list', ...tenant)).out, /ci\.example\.com\/hook +promoted, rolled_back +- +-/);
  t.not((await json('webhooks', 'rotate', id, ...tenant)).secret, secret);
  t.match((await cli('webhooks', 'remove', id, ...tenant)).code, 0);
  t.same(await json('webhooks', 'list', ...tenant), []);
});
