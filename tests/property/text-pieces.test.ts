import { isUtf8 } from 'node:buffer';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { textPieces } from '../../src/files/text-pieces.js';

const letters = ['a', 'é', '漢', '🙂'].map((letter) => Buffer.from(letter));
const broken = [0x80, 0xc3, 0xe6, 0xf0, 0xff].map((byte) => Buffer.from([byte]));

t.test('pieces of a file are all of it, and text where the file is text', async (t) => {
  const path = join(t.testdir({}), 'file');
  const parts = fc.array(fc.constantFrom(...letters, ...letters, ...broken), { maxLength: 40 });
  fc.assert(
    fc.property(parts, fc.integer({ min: 4, max: 12 }), (some, pieceBytes) => {
      const content = Buffer.concat(some);
      writeFileSync(path, content);
      const pieces = Array.from(textPieces(path, pieceBytes), (piece) => Buffer.from(piece));
      return Buffer.concat(pieces).equals(content) && pieces.every((piece) => isUtf8(piece)) === isUtf8(content);
    }),
    { numRuns: 500 },
  );
});
