import { readdirSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { createSeparateCompiler } from '../../src/model-import/lora/compile-apart.js';
import { createAdapterCompiler } from '../../src/model-import/lora/compiler.js';
import { writeBase, writePeft } from '../unit/model-import/peft-fixture.js';

t.test('an adapter is compiled apart as it is here, and what is refused is refused with the same words', async (t) => {
  const folder = t.testdir();
  const modelDir = writeBase(path.join(folder, 'base'));
  const options = { modelDir, dataDir: path.join(folder, 'data'), maxRank: 8 };
  const source = writePeft(path.join(folder, 'peft'), {});
  const apart = createSeparateCompiler(options);
  const processes = () => process.getActiveResourcesInfo().filter((resource) => resource === 'ProcessWrap').length;
  const before = processes();
  const compiling = Promise.all([apart.compile(source), apart.compile(source)]);
  await new Promise(setImmediate);
  t.equal(processes(), before + 1, 'reading, packing and hashing are done elsewhere');
  const [first, again] = await compiling;
  t.same(first, await createAdapterCompiler(options).compile(source));
  t.same(again, first);
  t.same(readdirSync(path.join(folder, 'data', 'adapters')), [first.digest]);

  const nowhere = path.join(folder, 'nowhere');
  await t.rejects(apart.compile(nowhere), { code: 'adapter_invalid', params: { folder: nowhere } });
  t.same(await apart.compile(source), first, 'a refusal does not stop the next');
});
