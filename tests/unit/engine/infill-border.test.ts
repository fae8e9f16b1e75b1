import t from 'tap';
import { holeBetween } from '../../../src/engine/hole.js';
import { findBorder } from '../../../src/engine/process/infill-border.js';

/** What is left of an answer that has ended by itself. */
function middleOf(prefix: string, suffix: string, answer: string): string {
  return answer.slice(0, findBorder(holeBetween(prefix, suffix), answer, true).end!);
}

const CASES: Record<string, [prefix: string, suffix: string, answer: string, middle: string]> = {
  'a body ends before the bracket that closes it': [
    'function f(a) {\n',
    '\n}\n\nmodule.exports = f\n',
    '  return a + 1\n}\n\nmodule.exports = f\n',
    '  return a + 1',
  ],
  'blank lines between do not count': ['f() {', '\n\n}\n', '\n  a()\n\n\n}\n\n', '\n  a()'],
  'a bracket that the middle has opened is its own': [
    'f() {',
    '\n}\n',
    '\n  if (a) {\n    b()\n  }\n}\nf()',
    '\n  if (a) {\n    b()\n  }',
  ],
  'a bracket of the same place that closes a block before an else': [
    'if (a) {\n',
    '\n}\nend()\n',
    '  b()\n} else {\n  c()\n}\nend()\n',
    '  b()\n} else {\n  c()',
  ],
  'a telling line is enough': [
    'const a = 1\n',
    '\nconst total = sum(a, b)\nreturn total\n',
    'const b = 2\nconst total = sum(a, b)\n',
    'const b = 2',
  ],
  'a short line has to be followed by the next one': [
    'switch (a) {\n  case 1:\n',
    '\n    break\n  default:\n',
    '    b()\n    break\n  case 2:\n    c()\n    break\n  default:\n',
    '    b()\n    break\n  case 2:\n    c()',
  ],
  'the same line within a block of the middle is not the border': [
    'def f():\n',
    '\nreturn_value(a)\n',
    'for (b of c) {\nreturn_value(a)\n}\nd()\nreturn_value(a)\n',
    'for (b of c) {\nreturn_value(a)\n}\nd()',
  ],
  'a line further below is as telling, where a comment before it was left out': [
    'function nameOf(f) {\n',
    '\n\n  // What else\n  // could it be?\n  return f.name || f.toString()\n}\n',
    '  if (f.shown) {\n    return f.shown\n  }\n\n  return f.name || f.toString()\n}\n',
    '  if (f.shown) {\n    return f.shown\n  }',
  ],
  "a bracket that is closed further below is not the middle's to close": [
    'f() {\n  a()\n',
    '\n  b()\n}\n',
    '  c()\n}\n\ng() {\n',
    '  c()',
  ],
  'the block that what is below stands in is not closed, wherever it ends': [
    'f() {\n  a()\n',
    '\n\n  const b = c()\n',
    '  d()\n}\n\ng() {\n  h()\n}\n',
    '  d()',
  ],
  'nor where it is closed before an else that is below': [
    'if (a) {\n',
    '\n  b(c)\n',
    '  d()\n} else {\n',
    '  d()\n} else {',
  ],
  'a block is closed before one that is below': [
    'f() {\n',
    '\n\ng(alpha, beta) {\n  h()\n}\n',
    '  a()\n}\n\ng(alpha, beta) {\n',
    '  a()\n}',
  ],
  'a middle ends with the block that it begins in': [
    'def f(a):\n    return a * ',
    '\n\n\ndef g(b):\n    return b\n',
    '9\n\n\ndef h(c):\n    return c\n',
    '9',
  ],
  'whose closing bracket is its own where nobody has written one': [
    'f() {\n',
    '',
    '  a()\n\n  b()\n}\n\ng() {\n',
    '  a()\n\n  b()\n}',
  ],
  'nothing is missing where the suffix comes at once': ['f()\n', '\ng(alpha, beta)\n', '\ng(alpha, beta)\n', ''],
  'spaces and line ends behind the middle are those of the suffix': ['a(', '\nb()', 'c)\n  \n', 'c)'],
  'without a suffix there is no border': ['a', '', 'b\nb\nc', 'b\nb\nc'],
  'arguments end before the bracket that closes them': ['call(', ');\nnext();\n', 'a, b);\nnext();\n', 'a, b'],
  'brackets within arguments are theirs': ['call(', ')', 'a(b), c[d])\n', 'a(b), c[d]'],
  'a bracket that the suffix lacks belongs to the middle': ['outer(inner(', ');\n', 'a));\n', 'a)'],
  'the space before a closing bracket is that of the suffix': ['const { ', ' } = b;\n', 'c, d } = b;\n', 'c, d'],
  'an empty block may be filled with lines': [
    'run(() => {',
    '});\n',
    '\n  a(b);\n  c();\n});\n',
    '\n  a(b);\n  c();\n',
  ],
  'a line whose rest has words ends with itself': ['const a = ', '.map(f)\n', 'list\nmore()\n', 'list'],
  'the rest of the line may come again': ['const a = ', '.map(f)\n', 'list.map(f)\nmore()', 'list'],
  'and may come in part': ['const a = ', '.map(f, g)\n', 'list.map(f', 'list'],
  'a semicolon comes once': ['const a = ', ';\n', 'b;', 'b'],
  'lines above another one end where that one begins': [
    'f() {\n  ',
    'return total(a)\n}\n',
    'const a = b()\n  return total(a)\n}\n',
    'const a = b()\n  ',
  ],
};
for (const [name, [prefix, suffix, answer, middle]] of Object.entries(CASES)) {
  t.test(name, async (t) => {
    t.equal(middleOf(prefix, suffix, answer), middle);
    t.equal(middleOf(prefix, suffix, middle), middle);
  });
}
