import fc from 'fast-check';
import t from 'tap';
import { AppError } from '../../../src/errors/app-error.js';
import { chunkFile } from '../../../src/retrieval/chunking/chunk-file.js';
import { countWords } from '../../fixtures/retrieval/count-words.js';

const filename = fc.oneof(
  fc.constantFrom('a.md', 'a.html', 'a.txt', 'a.ts', 'README', '.env', 'a.', '', '../../x.md', 'a.pdf', 'A.MD'),
  fc.string({ maxLength: 20 }),
);
const html = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '<p>',
        '</p>',
        '<table>',
        '</table>',
        '<td',
        '<!--',
        '-->',
        '<![CDATA[',
        '&#x0;',
        '&#1114112;',
        '&',
        '<pre>',
        '<h1>',
        '</h1>',
        '<title>',
      ),
      fc.constantFrom(
        '<script>',
        '</script>',
        '<svg><title>',
        '"',
        '<br/>',
        '<ul><li>',
        'word',
        '\n',
        '\ud83c\udf89',
        '<textarea>',
      ),
      fc.string({ maxLength: 6 }),
    ),
    { maxLength: 60 },
  )
  .map((pieces) => Buffer.from(pieces.join('')));
const content = fc.oneof(
  fc.uint8Array({ maxLength: 400 }),
  html,
  fc.string({ unit: 'binary', maxLength: 200 }).map((text) => Buffer.from(text)),
);

t.test('any upload is cut into passages within the file, or refused as unsupported', async () => {
  await fc.assert(
    fc.asyncProperty(filename, content, async (name, bytes) => {
      try {
        const limits = { budgetTokens: 32, overlapTokens: 8 };
        for (const passage of await chunkFile({ filename: name, content: bytes }, limits, countWords)) {
          if (passage.byteStart < 0 || passage.byteEnd > bytes.length || passage.byteStart >= passage.byteEnd)
            return false;
          if (passage.tokens > 32 || passage.text.trim() === '' || passage.headingPath.length === 0) return false;
        }
        return true;
      } catch (error) {
        return error instanceof AppError && error.code === 'unsupported_file';
      }
    }),
    { numRuns: 1500 },
  );
});
