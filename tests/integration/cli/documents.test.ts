import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { namedPipe } from '../../fixtures/files/named-pipe.js';
import { TENANT_KEY } from '../../http/admin-app.js';
import { createFakeRetrieval } from '../../http/fakes/retrieval.js';
import { memoryRetrieval } from '../demo/memory-retrieval.js';
import { cliApp } from './cli-app.js';

const files = {
  docs: { 'fees.md': '# Fees', deep: { 'cards.md': '# Cards' }, '.git': { config: '' }, node_modules: { 'x.md': '#' } },
  'loans.md': '# Loans',
};

t.test('files and folders become searchable documents of the tenant that the key speaks for', async (t) => {
  const { retrieval, contents } = memoryRetrieval();
  const { root, cli } = await cliApp(t, { retrieval, files });
  const added = await cli('--key', TENANT_KEY, 'documents', 'add', `${root}/files/docs`, `${root}/files/loans.md`);
  t.match(added, { code: 0, err: /^Uploading …\nWaiting for …\n3 of 3 documents are searchable\.\n$/ });
  t.match(added.out, /deep\/cards\.md +completed +2 +- +file_0\nfees\.md .*\nloans\.md /);
  t.same(Object.values(contents('bank')).sort(), ['# Cards', '# Fees', '# Loans']);
});

t.test('who may find a document is said when it is added, shown, and changed', async (t) => {
  const { retrieval } = memoryRetrieval();
  const { root, cli, json } = await cliApp(t, { retrieval, files });
  const own = ['--key', TENANT_KEY];
  const allow = [...own, 'documents', 'allow', 'file_0'];
  t.match(await cli(...allow), { code: 1, err: /has no vector store/ });
  const [{ id }] = await json(...own, 'documents', 'add', `${root}/files/loans.md`, '--groups', 'loans', 'board');
  t.equal(id, 'file_0');
  t.match(await json(...allow), { allowed_groups: ['loans', 'board'] });
  t.match(await json(...allow, '--groups', 'hr'), { allowed_groups: ['hr'] });
  t.match((await cli(...allow, '--everybody')).out, /file_0 +vs_bank +completed +everybody\n$/);
  t.match(await cli(...allow, '--everybody', '--groups', 'hr'), { code: 2 });
  const synced = await json(...own, 'documents', 'sync', `${root}/files/docs`, '--groups', 'hr');
  t.ok(synced.length > 0);
  for (const { id } of synced) t.match(await json(...own, 'documents', 'allow', id), { allowed_groups: ['hr'] });
});

t.test('what is refused or cannot be read is told, the rest is added, and the exit code says so', async (t) => {
  const { retrieval, contents } = memoryRetrieval();
  const { root, cli } = await cliApp(t, { retrieval, files: { 'a.bin': 'x', 'b.md': '', 'c.md': '# C' } });
  const added = await cli('--key', TENANT_KEY, 'documents', 'add', `${root}/files`);
  t.match(added, { code: 1, err: /1 of 3 documents are searchable\.\nswitchyard: Some documents were not added/ });
  t.match(added.out, /a\.bin +refused +- +a\.bin cannot be read: it is not text/);
  t.match(added.out, /b\.md +failed +2 +It holds no text\./);
  t.match(contents('bank'), { 'c.md': '# C' });
});

t.test('without a key or with a wrong path nothing is uploaded', async (t) => {
  const { retrieval, uploads } = memoryRetrieval();
  const { root, cli } = await cliApp(t, { retrieval, files });
  t.match(await cli('documents', 'add', `${root}/files/docs`), { code: 2, err: /the tenant's key with --key/ });
  t.match(await cli('--key', TENANT_KEY, 'documents', 'add', `${root}/no`), { code: 2, err: /no does not exist/ });
  t.equal(uploads(), 0);
});

t.test('links are followed, and what is neither file nor folder is refused before it is opened', async (t) => {
  const { retrieval, contents } = memoryRetrieval();
  const mounted = {
    '..2026': { 'fees.md': '# Fees' },
    '..data': t.fixture('symlink', '..2026'),
    'fees.md': t.fixture('symlink', '..data/fees.md'),
  };
  const { root, cli } = await cliApp(t, { retrieval, files: mounted });
  t.match(await cli('--key', TENANT_KEY, 'documents', 'add', `${root}/files`), { code: 0, err: /1 of 1 documents/ });
  t.same(contents('bank'), { 'fees.md': '# Fees' });
  namedPipe(`${root}/pipe`);
  t.match(await cli('--key', TENANT_KEY, 'documents', 'add', `${root}/pipe`), {
    code: 2,
    err: /pipe is neither a file nor a folder/,
  });
});

t.test('a document takes the place of the one of its name', async (t) => {
  const { retrieval, contents } = memoryRetrieval();
  const { root, cli } = await cliApp(t, { retrieval, files });
  for (const text of ['# Loans', '# Loans, again']) {
    writeFileSync(`${root}/files/loans.md`, text);
    t.match(await cli('--key', TENANT_KEY, 'documents', 'add', `${root}/files/loans.md`), { code: 0 });
  }
  t.same(contents('bank'), { 'loans.md': '# Loans, again' });
});

t.test('a folder is kept in a store: what is new, changed and gone, and nothing else', async (t) => {
  const { retrieval, contents, uploads } = memoryRetrieval();
  const { root, cli, json } = await cliApp(t, { retrieval, files: { ...files, 'logo.png': 'x' } });
  const folder = `${root}/files`;
  const sync = (...more: string[]) => cli('--key', TENANT_KEY, 'documents', 'sync', folder, ...more);

  const dry = await sync('--dry-run');
  t.match(dry, {
    code: 0,
    err: /^Nothing is done\. 3 added, 0 replaced, 0 removed, 1 skipped, 0 failed, 0 unchanged\.$/m,
  });
  t.match(dry.out, /logo\.png +skipped +- +logo\.png cannot be read: files of type \.png are not supported/);
  t.equal(uploads(), 0);
  t.same((await retrieval.listStores('bank', { limit: 1, after: null, order: 'asc' })).items, [], 'not even a store');

  t.match(await sync(), { code: 0, err: /3 added, 0 replaced/, out: /docs\/deep\/cards\.md +added +2/ });
  t.match(await sync(), { code: 0, err: /0 added, 0 replaced, 0 removed, 1 skipped, 0 failed, 3 unchanged/ });
  t.equal(uploads(), 3);

  writeFileSync(`${root}/other.md`, '# Other');
  await cli('--key', TENANT_KEY, 'documents', 'add', `${root}/other.md`);
  writeFileSync(`${folder}/loans.md`, '# Loans, again');
  rmSync(`${folder}/docs/fees.md`);
  const planned = await json('--key', TENANT_KEY, 'documents', 'sync', folder, '--dry-run');
  t.same(
    planned.map(({ document, status }: { document: string; status: string }) => [document, status]),
    [
      ['loans.md', 'replaced'],
      ['docs/fees.md', 'removed'],
      ['logo.png', 'skipped'],
    ],
  );
  t.match(await sync(), { code: 0, err: /0 added, 1 replaced, 1 removed, 1 skipped, 0 failed, 1 unchanged/ });
  t.same(contents('bank'), { 'docs/deep/cards.md': '# Cards', 'loans.md': '# Loans, again', 'other.md': '# Other' });
});

t.test('two folders share a store by prefixes', async (t) => {
  const { retrieval, contents } = memoryRetrieval();
  const { root, cli } = await cliApp(t, { retrieval, files: { a: { 'x.md': '# A' }, b: { 'x.md': '# B' } } });
  const sync = (name: string) =>
    cli('--key', TENANT_KEY, 'documents', 'sync', `${root}/files/${name}`, '--prefix', `${name}/`);
  for (const name of ['a', 'b']) t.match(await sync(name), { code: 0 });
  t.same(contents('bank'), { 'a/x.md': '# A', 'b/x.md': '# B' });
  writeFileSync(`${root}/files/a/y.md`, '# Y');
  rmSync(`${root}/files/a/x.md`);
  t.match(await sync('a'), { code: 0, err: /1 added, 0 replaced, 1 removed/ });
  t.same(contents('bank'), { 'a/y.md': '# Y', 'b/x.md': '# B' });
  rmSync(`${root}/files/a/y.md`);
  t.match(await sync('a'), { code: 2, err: /holds no documents, and all 1 of the store would be removed/ });
  t.same(contents('bank'), { 'a/y.md': '# Y', 'b/x.md': '# B' });
});

t.test('what git ignores is no document of a repository', async (t) => {
  const { retrieval, contents } = memoryRetrieval();
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-sync-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of [
    ['.gitignore', 'build.md\n'],
    ['build.md', '# Build'],
    ['guide.md', '# Guide'],
    ['gone.md', '# Gone'],
  ] as const)
    writeFileSync(join(folder, name), text);
  for (const args of [
    ['init', '-q'],
    ['add', '.'],
  ])
    t.equal(spawnSync('git', ['-C', folder, ...args]).status, 0);
  rmSync(join(folder, 'gone.md'));
  const { cli } = await cliApp(t, { retrieval });
  t.match(await cli('--key', TENANT_KEY, 'documents', 'sync', folder), { code: 0, err: /1 added/ });
  t.same(contents('bank'), { 'guide.md': '# Guide' });
  t.match(await cli('--key', TENANT_KEY, 'documents', 'sync', join(folder, 'guide.md')), { code: 2, err: /no folder/ });
});

t.test('a document that fails is named, and tried again with the next sync', async (t) => {
  const { retrieval, contents, finishIngestion } = memoryRetrieval();
  const { root, cli } = await cliApp(t, { retrieval, files: { 'a.md': '# A' } });
  const sync = () => cli('--key', TENANT_KEY, 'documents', 'sync', `${root}/files`);
  t.match(await sync(), { code: 0 });
  finishIngestion('failed');
  t.match(await sync(), { code: 0, err: /1 replaced/ });
  t.same(contents('bank'), { 'a.md': '# A' });
});

t.test('documents are purged by their path or id, and copies that are left make it fail', async (t) => {
  const fake = createFakeRetrieval();
  const { root, cli } = await cliApp(t, { retrieval: fake, files });
  const purge = (...named: string[]) => cli('--key', TENANT_KEY, 'documents', 'purge', ...named);
  t.match(await cli('--key', TENANT_KEY, 'documents', 'add', `${root}/files/loans.md`), { code: 0 });
  t.match(await purge('none.md'), { code: 1, err: /The vector store has no document none\.md/ });
  t.match(await purge('loans.md'), { code: 0, out: /FILES +PIECES +SEARCHED_FILES +SEARCHED_BYTES\n +1 +9 +4 +1000/ });
  t.match(await purge('loans.md', `file-${'0'.repeat(24)}`), { code: 1, err: /does not exist/ });
  fake.kept.push('before-restore-1/documents.db');
  const { id } = await fake.createFile('bank', { filename: 'a.md', purpose: 'assistants', content: Buffer.from('x') });
  const [store] = (await fake.listStores('bank', { limit: 1, after: null, order: 'asc' })).items;
  await fake.attachFile('bank', store!.id, { fileId: id, attributes: {}, path: 'a.md' });
  t.match(await purge('a.md'), { code: 1, err: /before-restore-1\/documents\.db\. Remove these copies/ });
});
