import fc from 'fast-check';
import { unzipSync, zipSync } from 'fflate';
import t from 'tap';
import { AppError } from '../../../src/errors/app-error.js';
import { documentFile, passagesOf } from '../../fixtures/documents/read.js';

const TEXTS: Readonly<Record<string, string>> = {
  'page.html': '<title>Fees</title><main><h1>Fees</h1><table><tr><th>fee<th>euros<tr><td>early<td>995</table></main>',
  'fees.csv': 'name,fee\n"early, late",5\nother,"6\n7"\n',
  'fees.jsonl': '{"name": "early", "fees": [5, 6]}\n{"a": {"b": null}}\n',
  'loan.py': `class Loan:\n    def fee(self):\n${'        self.call(1, 2)\n'.repeat(20)}`,
  'loan.cpp': `namespace bank {\nclass Loan {\n  int fee() {\n${'    call(1, 2);\n'.repeat(30)}  }\n};\n}\n`,
};
const BINARY = [
  ...['handbook.pdf', 'japanese.pdf', 'scanned.pdf', 'protected.pdf', 'letter.eml', 'protected.xlsx'],
  ...['handbook.docx', 'deck.pptx', 'prices.xlsx'],
];

const flips = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 12 });
const damage = fc.record({ flips, cut: fc.option(fc.nat(), { nil: null, freq: 3 }) });

/** Other bytes in some places, and perhaps less of them. */
function damaged(content: Uint8Array, { flips, cut }: { flips: [number, number][]; cut: number | null }): Uint8Array {
  const bytes = Uint8Array.from(content);
  for (const [at, value] of flips) bytes[at % bytes.length] = value;
  return cut === null ? bytes : bytes.subarray(0, cut % bytes.length);
}

/** Whether it gives passages within the file, or says what is wrong. */
async function endsWell(filename: string, content: Uint8Array): Promise<boolean> {
  try {
    return (await passagesOf({ filename, content })).every(
      ({ text, tokens, headingPath, byteStart, byteEnd, location }) =>
        text.trim() !== '' &&
        tokens <= 160 &&
        headingPath.length > 0 &&
        byteStart >= 0 &&
        byteStart < byteEnd &&
        byteEnd <= content.length &&
        (location === null || (location.first >= 1 && location.first <= location.last)),
    );
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return ['unsupported_file', 'document_too_complex'].includes(error.code) && String(error.params.reason).length > 10;
  }
}

for (const filename of [...Object.keys(TEXTS), ...BINARY]) {
  const text = TEXTS[filename];
  const content = text === undefined ? documentFile(filename).content : Buffer.from(text);
  t.test(`${filename}, damaged anywhere, gives passages or says what is wrong`, async (t) => {
    t.ok(await endsWell(filename, content));
    await fc.assert(
      fc.asyncProperty(damage, async (how) => endsWell(filename, damaged(content, how))),
      { numRuns: 40 },
    );
  });
}

for (const filename of BINARY.filter((name) => /^(?!protected).*\.(?:docx|pptx|xlsx)$/.test(name))) {
  const parts = unzipSync(documentFile(filename).content);
  const names = Object.keys(parts).filter((name) => /\.(?:xml|rels)$/.test(name) && !name.includes('theme'));
  t.test(`${filename}, damaged within a part of it, gives passages or says what is wrong`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), damage, async (name, how) =>
        endsWell(filename, zipSync({ ...parts, [name]: damaged(parts[name]!, how) }, { level: 0 })),
      ),
      { numRuns: 70 },
    );
  });
}

t.test('a file of one kind by the name of another gives passages or says what is wrong', async () => {
  const contents = [
    ...BINARY.map((name) => documentFile(name).content),
    ...Object.values(TEXTS).map((text) => Buffer.from(text)),
  ];
  for (const extension of [
    'pdf',
    'docx',
    'pptx',
    'xlsx',
    'eml',
    'csv',
    'html',
    'jsonl',
    'md',
    'ts',
    'txt',
    'zip',
    'doc',
  ]) {
    for (const content of contents) if (!(await endsWell(`a.${extension}`, content))) t.fail(extension);
  }
});
