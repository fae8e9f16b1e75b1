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
