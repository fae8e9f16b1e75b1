import t from 'tap';
import { parseCode } from '../../../../src/retrieval/chunking/code.js';

/** What a body needs to be a passage of its own. */
const BODY = 'call(one, two, three);\n'.repeat(16);

/** Paths of the blocks with their first and last lines. */
async function blocks(filename: string, text: string): Promise<[string, string, string][]> {
  const document = await parseCode(text, filename);
  return document.blocks.map(({ headings, start, end }) => {
    const lines = text.slice(start, end).trim().split('\n');
    return [headings.slice(1).join(' › '), lines[0]!.trim(), lines.at(-1)!.trim()];
  });
}

t.test('methods are found below their class, with the comments above them', async (t) => {
  const text = `import a from 'a';

/** A loan. */
export class Loan {
  #rate = 3;

  /** What it costs. */
  fee() {
${BODY}  }

  small() {}
}

export const repay = async () => {
${BODY}};

const after = 1;
`;
  t.same(await blocks('a.ts', text), [
    ['', "import a from 'a';", "import a from 'a';"],
    ['Loan', '/** A loan. */', '#rate = 3;'],
    ['Loan › fee', '/** What it costs. */', '}'],
    ['Loan', 'small() {}', '}'],
    ['repay', 'export const repay = async () => {', '};'],
    ['', 'const after = 1;', 'const after = 1;'],
  ]);
});

t.test('each language has its own ways to define something', async (t) => {
  const paths = async (filename: string, text: string) => (await blocks(filename, text)).map(([path]) => path);
  const indented = '        call(one, two, three)\n'.repeat(16);
  t.same(await paths('a.py', `import os\n\nclass Loan:\n    @property\n    def fee(self):\n${indented}`), [
    '',
    'Loan',
    'Loan › fee',
  ]);
  t.same(await paths('a.go', `package a\n\nfunc (l *Loan) Fee() int {\n${BODY}}\n`), ['', 'Fee']);
  t.same(
    await paths('a.rs', `use a::b;\n\nimpl fmt::Display for Loan {\n  #[inline]\n  fn fee(&self) {\n${BODY}}\n}\n`),
    ['', 'fmt::Display for Loan', 'fmt::Display for Loan › fee'],
  );
  t.same(
    await paths('A.java', `package a;\n\nclass Loan {\n  Loan() {\n${BODY}}\n  @Override int fee() {\n${BODY}}\n}\n`),
    ['', 'Loan', 'Loan › Loan', 'Loan › fee'],
  );
  t.same(await paths('A.cs', `using a;\n\nnamespace Bank {\n  class Loan {\n  int Fee() {\n${BODY}}\n}\n}\n`), [
    '',
    'Bank',
    'Bank › Loan',
    'Bank › Loan › Fee',
  ]);
  const guarded = `#ifndef A_H\n#define A_H\n\nnamespace bank {\ntemplate <typename T>\nint Stack<T>::push(T a) {\n${BODY}}\n}\n#endif\n`;
  t.same((await paths('a.h', guarded)).at(-1), 'bank › Stack<T>::push');
  t.same(await paths('a.php', `<?php\nclass Loan {\n  function fee() {\n${BODY}}\n}\n`), ['', 'Loan', 'Loan › fee']);
  t.same(await paths('a.rb', `module Bank\n  class Loan\n    def fee\n${indented}    end\n  end\nend\n`), [
    'Bank',
    'Bank › Loan',
    'Bank › Loan › fee',
  ]);
  t.same(await paths('a.sh', `set -e\n\nfee() {\n${BODY.replaceAll(/[(),;]/g, ' ')}}\n`), ['', 'fee']);
});

t.test('short definitions stay with their neighbours', async (t) => {
  t.same(await blocks('a.js', 'function a() {}\nfunction b() {}\n\nclass C {\n  d() {}\n}\n'), [
    ['', 'function a() {}', 'function b() {}'],
    ['', 'class C {', '}'],
  ]);
});

t.test('what is no sound code of its language loses nothing', async (t) => {
  for (const text of [';;;', '}}}{{{ (((', 'class {\n\n def', '# only a comment', `function ${'('.repeat(5000)}`]) {
    for (const filename of ['a.ts', 'a.py', 'a.cpp', 'a.go']) {
      const { blocks } = await parseCode(text, filename);
      const kept = blocks.map(({ start, end }) => text.slice(start, end)).join('');
      t.equal(kept.replace(/\s/g, ''), text.replace(/\s/g, ''), `${filename}: ${text.slice(0, 20)}`);
    }
  }
});

t.test('a language that is not known is cut at unindented lines', async (t) => {
  t.same(await blocks('a.swift', 'func a() {\n  b()\n\n  c()\n}\n\nfunc d() {}\n'), [
    ['', 'func a() {', '}'],
    ['', 'func d() {}', 'func d() {}'],
  ]);
});
