import t from 'tap';
import { giveUp, makeLocalTables, readLocal, setPosition, writeLocal } from '../../../src/registry/shared/local.js';
import { Sqlite } from '../../../src/sqlite/open.js';

t.test('the position of a copy only grows: what was asked for may come when more is here already', (t) => {
  const database = new Sqlite(':memory:');
  makeLocalTables(database);
  writeLocal(database, { registry: 'r', origin: 'o', position: 5, mark: 'five' });
  setPosition(database, { position: 3, mark: 'three' });
  t.match(readLocal(database), { position: 5, mark: 'five' });
  setPosition(database, { position: 7, mark: 'seven' });
  t.same(readLocal(database), { registry: 'r', origin: 'o', position: 7, mark: 'seven' });
  giveUp(database);
  t.match(readLocal(database), { position: -1 }, 'until it is of no more use');
  t.end();
});
