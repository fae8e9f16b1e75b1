import type { OutputScreen } from '../contracts/safety.js';
import type { TextRule } from './rules.js';

/** Told of everything that a rule finds. */
type OnFound = (rule: TextRule['rule'], count: number) => void;

/**
 * Screens an answer by one rule after the other, each over what the one before lets go. Nothing is let go from where a match
 * begins, or where what follows could still make one, so that an answer comes out the same however it was cut.
 */
export function createOutputScreen(rules: readonly TextRule[], onFound: OnFound): OutputScreen {
  let stopped = false;
  const filters = rules.map((rule) => createFilter(rule, onFound, () => (stopped = true)));
  /** The first half of a sign that was cut in two. */
  let half = '';
  const run = (piece: string, isLast: boolean): string => {
    if (stopped) return '';
    const text = half + piece;
    half = !isLast && /[\uD800-\uDBFF]$/.test(text) ? text.slice(-1) : '';
    let passed = text.slice(0, text.length - half.length);
    for (const filter of filters) {
      const wasStopped = stopped;
      passed = filter(passed, isLast || wasStopped);
    }
    return passed;
  };
  return {
    push: (text) => run(text, false),
    end: () => run('', true),
    get stopped() {
      return stopped;
    },
  };
}

/** One rule over a text that comes in pieces: gives what is decided. What it lets go when it stops the answer is the last. */
function createFilter({ rule, finder }: TextRule, onFound: OnFound, stop: () => void) {
  let text = '';
  /** Up to here it is decided. */
  let done = 0;
  let isOver = false;
  return (piece: string, isLast: boolean): string => {
    if (isOver) return '';
    text += piece;
    const limit = isLast ? text.length : finder.openFrom(text, done);
    let passed = '';
    for (let span = finder.find(text, done); span !== null && span.start < limit; span = finder.find(text, done)) {
      onFound(rule, 1);
      passed += text.slice(done, span.start);
      done = span.end;
      if (rule.action === 'redact') passed += `[${span.label}]`;
      else if (rule.action === 'flag') passed += text.slice(span.start, span.end);
      else {
        isOver = true;
        stop();
        if (rule.action === 'block') return passed;
        const isFirst = text.slice(0, span.start).trim() === '';
        return `${passed}${isFirst ? '' : '\n\n'}${rule.text}`;
      }
    }
    if (done >= limit) return passed;
    passed += text.slice(done, limit);
    done = limit;
    return passed;
  };
}
