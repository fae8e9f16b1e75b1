import fc from 'fast-check';
import t from 'tap';
import { checkFile, recogniseFile } from '../../../../src/retrieval/chunking/file-kinds.js';

const bytes = (...values: number[]) => Buffer.from(values);
const pieces = [
  Buffer.from('Opens at nine. '),
  Buffer.from('Öffnet um neun; 漢字 🙂'),
  Buffer.from(' \n\t'),
  Buffer.from('\u200b\ufeff'),
  Buffer.from(' '.repeat(4095)),
  Buffer.from('Opens', 'utf16le'),
  Buffer.from('<meta charset="windows-1252">'),
  Buffer.from('%PDF-1.7'),
  Buffer.from('PK\u0003\u0004'),
  bytes(0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1),
  bytes(0),
  bytes(0xff, 0xfe),
  bytes(0xe9),
];

const refusalOf = (check: (filename: string, content: Uint8Array) => unknown, name: string, content: Uint8Array) => {
  try {
    check(name, content);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
};

t.test('what is refused without being decoded is what is refused when it is read', async () => {
  const content = fc.array(fc.constantFrom(...pieces), { maxLength: 4 }).map((some) => Buffer.concat(some));
  const filename = fc.constantFrom('a', 'a.txt', 'a.html', 'A.MD', 'a.csv', 'a.pdf', 'a.docx', 'a.eml', 'a.exe');
  fc.assert(
    fc.property(
      filename,
      content,
      (name, given) => refusalOf(checkFile, name, given) === refusalOf(recogniseFile, name, given),
    ),
    { numRuns: 1000 },
  );
});
