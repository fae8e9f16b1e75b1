import { Readable } from 'node:stream';
import fc from 'fast-check';
import t from 'tap';
import { countParts, readText } from '../../../src/http/plugins/json-body.js';
import { dropNulls } from '../../../src/http/plugins/validation.js';

/** Objects, lists and names in a value. */
function partsOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const names = Array.isArray(value) ? 0 : Object.keys(value).length;
  return Object.values(value).reduce((sum: number, member) => sum + partsOf(member), 1 + names);
}

t.test('objects, lists and names are counted, whatever stands in texts', async (t) => {
  const text = fc.string({ unit: fc.constantFrom('"', '\\', '[', '{', ':', ',', 'a', '\n') });
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { depthSize: 'small' },
      text,
      fc.integer(),
      fc.constant(null),
      fc.array(tie('any')),
      fc.dictionary(text, tie('any')),
    ),
  })).any;
  fc.assert(
    fc.property(value, (given) => {
      const parts = partsOf(given);
      const counted = (most: number) => countParts(JSON.stringify(given), most);
      return counted(parts) === parts && counted(parts + 1) === parts && (parts === 0 || counted(parts - 1) === parts);
    }),
  );
  t.pass();
});

t.test('a text that breaks off is left to the parser', async (t) => {
  for (const json of ['"[[[[', '"\\', '["a', '']) t.ok(countParts(json, 1) <= 1);
});

t.test('nulls are dropped at any depth, and the bytes of a file are no members', async (t) => {
  const file = Buffer.from('abc');
  // Whoever goes through its members finds this one.
  Object.assign(file, { left: null });
  const body = { file, purpose: null, nested: [{ left: null, kept: 1 }] };
  dropNulls(body);
  t.same(Object.keys(body), ['file', 'nested']);
  t.same(body.nested, [{ kept: 1 }]);
  t.ok('left' in file, 'one by one, the bytes of a large file would take seconds');
});

t.test('a text is whole wherever its bytes were cut, and they are given back', async (t) => {
  const text = 'aé漢🙂'.repeat(10_000);
  const all = Buffer.from(text);
  const pieces = [0, 20_001, 40_004, 60_009].map((at, i, cuts) => Buffer.from(all.subarray(at, cuts[i + 1])));
  const read = (body: Readable) =>
    new Promise<string>((resolve, reject) => readText(body, (error, text) => (error ? reject(error) : resolve(text))));
  t.equal(await read(Readable.from(pieces)), text);
  t.same(
    pieces.map(({ length }) => length),
    [0, 0, 0, 0],
  );
  const broken = new Readable({ read() {} });
  const failed = t.rejects(read(broken), { message: 'gone' });
  broken.destroy(new Error('gone'));
  await failed;
});
