import t from 'tap';
import { migrate } from '../../../../src/retrieval/stores/migrations.js';
import { Sqlite } from '../../../../src/sqlite/open.js';

t.test('a new database gets the schema once, and an identity of its own', async (t) => {
  const identity = () => {
    const database = new Sqlite(':memory:');
    migrate(database);
    migrate(database);
    t.ok((database.pragma('user_version', { simple: true }) as number) >= 1);
    return database.prepare('select value from meta').pluck().all();
  };
  const [first, second] = [identity(), identity()];
  t.equal(first.length, 1);
  t.notSame(first, second);
});

t.test('a database that a newer version wrote is left alone', async (t) => {
  const database = new Sqlite(':memory:');
  database.pragma('user_version = 999');
  t.throws(() => migrate(database), { code: 'config_invalid', message: /newer version \(schema 999/ });
});

t.test('what waited to be read waits as a job, and documents keep their path', async (t) => {
  const database = new Sqlite(':memory:');
  database.pragma('foreign_keys = ON');
  migrate(database, 4);
  database.exec(`
    insert into files (id, tenant, filename, purpose, bytes, content, created_at)
      values ('file-1', 'bank', 'a.md', 'assistants', 7, x'00', 5), ('file-2', 'bank', 'b.md', 'assistants', 9, x'00', 5);
    insert into stores (id, tenant, name, metadata, created_at, last_active_at) values ('vs_1', 'bank', 's', '{}', 5, 5);
    insert into store_files (tenant, store_id, file_id, status, attributes, attempts, bytes, created_at) values
      ('bank', 'vs_1', 'file-1', 'in_progress', '{"path": "docs/a.md"}', 3, 7, 5),
      ('bank', 'vs_1', 'file-2', 'completed', '{"path": 1}', 1, 9, 5);
  `);
  migrate(database);
  t.match(database.prepare('select * from jobs').all(), [
    {
      kind: 'ingest',
      tenant: 'bank',
      subject: 'vs_1/file-1',
      size: 7,
      status: 'queued',
      attempts: 0,
      created_at: 5000,
    },
  ]);
  t.same(database.prepare('select path from store_files order by seq').pluck().all(), ['docs/a.md', null]);
  database.exec("delete from stores where id = 'vs_1'");
  t.same(database.prepare('select * from jobs').all(), []);
});
