import fc from 'fast-check';
import t from 'tap';
import { holeBetween } from '../../src/engine/hole.js';
import { findBorder } from '../../src/engine/process/infill-border.js';

/** Few characters, so that the suffix comes again by chance. */
const code = fc
  .array(fc.constantFrom('a', 'b', ' ', '\n', '(', ')', '{', '}', ';'), { maxLength: 30 })
  .map((all) => all.join(''));

t.test('what was shown is never behind the border, wherever the text is cut', async () => {
  fc.assert(
    fc.property(code, code, code, (prefix, suffix, answer) => {
      const hole = holeBetween(prefix, suffix);
      let shown = 0;
      for (let length = 0; length <= answer.length; length++) {
        const border = findBorder(hole, answer.slice(0, length), false);
        const upTo = border.end ?? border.shown;
        if (upTo < shown || upTo > length) return false;
        if (border.end !== null) return true;
        shown = upTo;
      }
      return findBorder(hole, answer, true).end! >= shown;
    }),
    { numRuns: 20_000 },
  );
});

t.test('the middle followed by the suffix that it stands before is found again', async () => {
  const line = fc.constantFrom('alpha(beta, gamma)', 'const delta = 12', 'epsilon.zeta()', 'if (eta) { theta() }');
  const lines = fc.uniqueArray(line, { minLength: 3, maxLength: 4 });
  fc.assert(
    fc.property(lines, fc.integer({ min: 1, max: 2 }), (all, at) => {
      const [before, after] = [all.slice(0, at), all.slice(at + 1)];
      const hole = holeBetween(`${before.join('\n')}\n`, `\n${after.join('\n')}\n`);
      return findBorder(hole, [all[at], ...after].join('\n'), true).end === all[at]!.length;
    }),
  );
});
