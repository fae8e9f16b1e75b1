import t from 'tap';
import { namedPipe } from '../../fixtures/files/named-pipe.js';
import { TENANT_KEY } from '../../http/admin-app.js';
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
