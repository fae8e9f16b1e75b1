import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { openGguf, partsOfModel } from '../../../src/model-import/gguf/split.js';
import { encodeGguf } from '../../../src/model-import/gguf/writer.js';

const tensor = (name: string) => ({ name, type: 0, shape: [2], bytes: Buffer.alloc(8, name) });
const part = (number: number, count: number, names: readonly string[]) =>
  encodeGguf({ 'split.no': number, 'split.count': count }, names.map(tensor));

function write(folder: string, parts: Readonly<Record<string, Buffer>>): string {
  for (const [name, bytes] of Object.entries(parts)) writeFileSync(path.join(folder, name), bytes);
  return path.join(folder, Object.keys(parts)[0]!);
}

t.test('the parts of a model are read as one, each tensor from its own file', async (t) => {
  const first = write(t.testdir(), {
    'm-00001-of-00002.gguf': part(0, 2, ['a']),
    'm-00002-of-00002.gguf': part(1, 2, ['b', 'c']),
  });
  const gguf = openGguf(first);
  t.teardown(gguf.close);
  t.same([...gguf.tensors.keys()], ['a', 'b', 'c']);
  t.same(
    gguf.paths.map((file) => path.basename(file)),
    partsOfModel('m-00001-of-00002.gguf'),
  );
  const b = gguf.tensors.get('b')!;
  t.equal(b.file.read(b.offset, 8).toString(), 'bbbbbbbb');
});

for (const [what, second, reason] of [
  ['is missing', null, /m-00002-of-00002\.gguf cannot be imported: it cannot be opened/],
  ['repeats a tensor', part(1, 2, ['a']), /tensor a is in an earlier part/],
  ['is of another model', part(1, 3, ['b']), /is not part 2 of 2/],
] as const) {
  t.test(`a model is refused when a part ${what}`, async (t) => {
    const folder = t.testdir();
    const first = write(folder, { 'm-00001-of-00002.gguf': part(0, 2, ['a']) });
    if (second) write(folder, { 'm-00002-of-00002.gguf': second });
    t.ok(existsSync(first));
    t.throws(() => openGguf(first), { code: 'model_invalid', message: reason });
  });
}
