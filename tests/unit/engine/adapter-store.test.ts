import { renameSync, rmSync } from 'node:fs';
import t from 'tap';
import type { AdapterRef } from '../../../src/contracts/adapter.js';
import { AdapterStore } from '../../../src/engine/process/adapter-store.js';
import { everyTarget, writeAdapter } from '../../fixtures/engine/adapters.js';
import { SHAPE } from '../model-import/peft-fixture.js';

const base = { baseDigest: 'b'.repeat(64), shape: SHAPE };
const write = (folder: string, seed: number, rank = 2) =>
  writeAdapter(folder, base, { seed, ranks: everyTarget(rank) });

t.test('an adapter is read once, and known by its digest', async (t) => {
  const folder = t.testdir();
  const adapter = write(folder, 1);
  const store = new AdapterStore(base, 1e6);
  const tensors = await store.get(adapter);
  t.equal(tensors.ranks.q_proj, 2);
  rmSync(adapter.compiledFile);
  t.equal(await store.get(adapter), tensors);
  t.equal(await store.get({ ...adapter, name: 'renamed', version: 2 }), tensors);
});

t.test('the adapter that was used longest ago goes when there are too many bytes', async (t) => {
  const folder = t.testdir();
  const [a, b, c] = [1, 2, 3].map((seed) => write(folder, seed)) as [AdapterRef, AdapterRef, AdapterRef];
  const large = write(folder, 4, 8);
  const { halves } = await new AdapterStore(base, 0).get(a);
  const store = new AdapterStore(base, 2.5 * halves.byteLength);
  for (const adapter of [a, b, a, c, large]) await store.get(adapter);
  for (const { compiledFile } of [a, b, c, large]) rmSync(compiledFile);
  await t.resolves(store.get(a));
  await t.resolves(store.get(c));
  await t.rejects(store.get(b), /ENOENT/);
  await t.rejects(store.get(large), /ENOENT/, 'what does not fit at all drives nobody out');
});

t.test('without memory nothing is kept', async (t) => {
  const folder = t.testdir();
  const adapter = write(folder, 1);
  const store = new AdapterStore(base, 0);
  await store.get(adapter);
  rmSync(adapter.compiledFile);
  await t.rejects(store.get(adapter), /ENOENT/);
});

t.test('a failure is not kept: once the file is there it is read', async (t) => {
  const folder = t.testdir();
  const adapter = write(folder, 1);
  const store = new AdapterStore(base, 1e6);
  renameSync(adapter.compiledFile, `${adapter.compiledFile}.away`);
  await t.rejects(store.get(adapter), /cannot be read \(ENOENT\)/);
  renameSync(`${adapter.compiledFile}.away`, adapter.compiledFile);
  t.ok(await store.get(adapter));
});
