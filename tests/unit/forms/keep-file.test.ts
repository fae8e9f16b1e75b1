import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import t from 'tap';
import { keepFile } from '../../../src/forms/keep-file.js';

const KiB = 1024;
const piecesOf = (count: number) => Array.from({ length: count }, (_, i) => Buffer.alloc(64 * KiB, `${i}`));

t.test('a small file stays in memory', async (t) => {
  const pieces = piecesOf(4);
  const kept = await keepFile(Readable.from(pieces), join(t.testdir(), 'uploads', 'file'));
  t.same(kept, Buffer.concat(pieces));
});

t.test('a large one goes to the disk, and its memory is given back', async (t) => {
  const pieces = piecesOf(6);
  const content = Buffer.concat(pieces);
  const path = join(t.testdir(), 'uploads', 'file');
  t.same(await keepFile(Readable.from(pieces), path), { path, bytes: content.length });
  t.ok(readFileSync(path).equals(content));
  t.ok(pieces.every(({ length }) => length === 0));
});
