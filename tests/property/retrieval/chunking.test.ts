import fc from 'fast-check';
import t from 'tap';
import { chunkFile, type FilePassage } from '../../../src/retrieval/chunking/chunk-file.js';
import { cleanText } from '../../../src/retrieval/chunking/clean-text.js';
import { countWords } from '../../fixtures/retrieval/count-words.js';

const words = fc.array(
  fc.oneof(
    fc.constantFrom(
      'fee',
      'repayment',
      '1.5 %',
      '995',
      'waived.',
      'Ende!',
      'größer',
      '手数料。',
      '🎉',
      'a_b-c',
      '`code`',
      '<b>',
      '&amp;',
      '|',
      '#',
      '>',
    ),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).map((text) => text.replace(/\0/g, '')),
  ),
  { minLength: 1, maxLength: 40 },
);
const line = words.map((list) => list.join(' '));
const markdownPiece = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 6 }), line).map(([level, text]) => `${'#'.repeat(level)} ${text}`),
  line,
  fc.array(line, { minLength: 1, maxLength: 6 }).map((items) => items.map((item) => `- ${item}`).join('\n')),
  fc.array(line, { minLength: 1, maxLength: 8 }).map((lines) => `\`\`\`ts\n${lines.join('\n\n')}\n\`\`\``),
  fc
    .array(line, { minLength: 1, maxLength: 5 })
    .map((rows) => `| a | b |\n| - | - |\n${rows.map((row) => `| ${row} |`).join('\n')}`),
  fc.constantFrom('Title\n=====', '---', '```', '\t\tindented', '> quoted', '   ', '\u00a0', '\ufeff', '\r'),
);
const document = fc
  .tuple(fc.array(markdownPiece, { minLength: 1, maxLength: 12 }), fc.constantFrom('\n', '\n\n', '\r\n', '\r\n\r\n'))
  .map(([pieces, separator]) => pieces.join(separator))
  .filter((text) => text.trim() !== '');
const limits = fc.record({
  budgetTokens: fc.integer({ min: 16, max: 80 }),
  overlapTokens: fc.integer({ min: 0, max: 12 }),
});

async function cut(
  filename: string,
  text: string,
  within: { budgetTokens: number; overlapTokens: number },
): Promise<FilePassage[]> {
  return [...(await chunkFile({ filename, content: Buffer.from(text) }, within, countWords))];
}

const visible = (text: string) => [...cleanText(text, []).text].filter((char) => char.trim() !== '').join('');

for (const filename of ['a.md', 'a.txt', 'a.ts']) {
  t.test(`passages of ${filename} are slices of the file within the budget, and nothing is lost`, async () => {
    await fc.assert(
      fc.asyncProperty(document, limits, async (text, within) => {
        // As the file holds it: lone surrogates cannot be in UTF-8.
        const bytes = Buffer.from(text);
        const passages = await cut(filename, text, within);
        const covered = new Uint8Array(bytes.length);
        for (const passage of passages) {
          if (passage.tokens > within.budgetTokens || passage.tokens !== countWords(passage.text)) return false;
          const source = bytes.subarray(passage.byteStart, passage.byteEnd).toString();
          if (!isFrom(passage.text, source, text)) return false;
          if (passage.text.trim() === '') return false;
          covered.fill(1, passage.byteStart, passage.byteEnd);
        }
        // What no passage covers is a heading, and stands in the path of some passage (without its markup).
        const paths = visible(passages.flatMap(({ headingPath }) => headingPath).join(''));
        const lost = Buffer.from(bytes.filter((_, at) => covered[at] === 0)).toString();
        return lost.split('\n').every((rest) => (filename !== 'a.md' ? rest.trim() === '' : isHeading(rest, paths)));
      }),
      { numRuns: 150 },
    );
  });
}

/** The text of a passage is what stands at its place, as it is read; a table's header may stand before its rows. */
function isFrom(passage: string, source: string, file: string): boolean {
  const asRead = (part: string) => cleanText(part, []).text;
  if (!passage.endsWith(asRead(source))) return false;
  return asRead(file).includes(passage.slice(0, passage.length - asRead(source).length));
}

function isHeading(rest: string, paths: string): boolean {
  if (/^[\s=-]*$/.test(rest)) return true;
  const text = visible(
    rest
      .replace(/^\s*#{1,6}/, '')
      .replace(/(?:^|[ \t])#+\s*$/, '')
      .replace(/<[^<>]*>/g, '')
      .replace(/[`*]/g, ''),
  );
  return text === '' || paths.includes(text.slice(0, 60));
}

t.test('neighbouring passages of a section overlap at most by what was allowed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(line, { minLength: 5, maxLength: 20 }), limits, async (lines, within) => {
      const passages = await cut('a.txt', lines.join(' '), within);
      const bytes = Buffer.from(lines.join(' '));
      return passages.every((passage, index) => {
        const before = passages[index - 1];
        if (!before) return true;
        const shared = bytes.subarray(passage.byteStart, before.byteEnd).toString();
        return (
          passage.byteEnd > before.byteEnd &&
          (passage.byteStart >= before.byteEnd || countWords(shared) <= within.overlapTokens)
        );
      });
    }),
    { numRuns: 150 },
  );
});

t.test('the words of an HTML page are all there, and each passage points at its source', async () => {
  const word = fc.stringMatching(/^[a-zà-ü0-9]{1,12}$/);
  const element = fc.constantFrom('p', 'div', 'li', 'td', 'b', 'em', 'pre', 'blockquote', 'span');
  const node = fc.tuple(element, fc.array(word, { minLength: 1, maxLength: 30 })).map(([tag, list]) => ({ tag, list }));
  await fc.assert(
    fc.asyncProperty(fc.array(node, { minLength: 1, maxLength: 10 }), limits, async (nodes, within) => {
      const html = nodes.map(({ tag, list }) => `<${tag} class="x">${list.join('&amp;\n ')}</${tag}>`).join('<hr>');
      const passages = await cut('a.html', html, within);
      const bytes = Buffer.from(html);
      const text = passages.map((passage) => passage.text).join(' ');
      return (
        nodes.every(({ list }) => list.every((one) => text.includes(one))) &&
        passages.every((passage) => {
          const source = bytes.subarray(passage.byteStart, passage.byteEnd).toString();
          const first = /[\p{L}\d]+/u.exec(passage.text)?.[0] ?? '';
          return passage.tokens <= within.budgetTokens && source.includes(first) && !passage.text.includes('class=');
        })
      );
    }),
    { numRuns: 150 },
  );
});

t.test('hostile documents end soon, and the tokenizer never sees more than a few passages of one', async (t) => {
  const n = 1 << 15;
  const hostile: Record<string, string> = {
    'one endless word': 'a'.repeat(4 * n),
    'white space': `${' '.repeat(4 * n)}x`,
    'blank lines': `x${'\n'.repeat(4 * n)}x`,
    'lines of one character': 'a\n'.repeat(n),
    hashes: `${'#'.repeat(n)}\n${'# '.repeat(n)}`,
    fences: `${'`'.repeat(n)}\n${'```\n'.repeat(n)}`,
    'table rules': `${`${'|-'.repeat(50)}\n`.repeat(n / 50)}`,
    'open brackets': `# ${'['.repeat(n)}\n${'[](('.repeat(n)}`,
    'open tags': `${'<div><ul><table>'.repeat(300)}${'</x>'.repeat(n)}`,
    'angle brackets': `# ${'<'.repeat(n)}`,
    'full stops': `${'.'.repeat(n)}${'!)'.repeat(n)}`,
    'characters of two units': '🎉'.repeat(n),
    'list items': '- \n'.repeat(n),
    entities: '&amp;'.repeat(n),
  };
  for (const [what, text] of Object.entries(hostile)) {
    for (const filename of ['a.md', 'a.txt', 'a.html', 'a.py']) {
      let largest = 0;
      let counted = 0;
      const count = (part: string) => {
        largest = Math.max(largest, part.length);
        counted += part.length;
        return countWords(part);
      };
      const limits = { budgetTokens: 160, overlapTokens: 24 };
      for (const passage of await chunkFile({ filename, content: Buffer.from(text) }, limits, count)) {
        if (passage.tokens > 160) t.fail(`${what} in ${filename}: ${passage.tokens} tokens`);
      }
      t.ok(largest <= 160 * 12 && counted <= 40 * text.length + 10_000, `${what} in ${filename}`);
    }
  }
});
