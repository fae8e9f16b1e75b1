import t from 'tap';
import { createSession, type HeldKey } from '../../../src/console/session.js';

const admin: HeldKey = { secret: 'sk-a', id: 'key-a', tenant: 'ops', scopes: ['admin', 'documents'] };
const bank: HeldKey = { secret: 'sk-b', id: 'key-b', tenant: 'bank', scopes: ['inference', 'documents'] };

function memory() {
  const kept = new Map<string, string>();
  return {
    kept,
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
    removeItem: (name: string) => void kept.delete(name),
  };
}

t.test('a key is found by what it may do, and by its tenant', async (t) => {
  const session = createSession(memory());
  session.add(admin);
  session.add(bank);
  t.equal(session.find('admin')?.id, 'key-a');
  t.equal(session.find('documents', 'bank')?.id, 'key-b', 'never the key of another tenant');
  t.equal(session.find('inference', 'ops'), null);
  session.add({ ...bank, scopes: ['inference'] });
  t.equal(session.find('documents', 'bank'), null, 'the same key given again replaces itself');
});

t.test('keys outlive a reload, and nothing is left after signing out', async (t) => {
  const storage = memory();
  createSession(storage).add(bank);
  const session = createSession(storage);
  t.same(session.keys(), [bank]);
  session.clear();
  t.equal(storage.kept.size, 0);
  storage.setItem('switchyard.keys', 'no JSON');
  t.same(createSession(storage).keys(), []);
});
