import type { OutputScreen } from '../contracts/safety.js';
import { nextSentence } from './answer-sentences.js';
import type { CompiledRule, TextRule, VectorRule } from './rules.js';

/** Told of everything that a rule finds. */
type OnFound = (rule: CompiledRule['rule'], count: number) => void;
/** Whether a text is about what a rule is about. */
type IsAbout = (rule: VectorRule, text: string, signal: AbortSignal) => Promise<boolean>;
/** Takes what is let go to it, and lets go what is decided. What it lets go when it stops the answer is the last. */
type Filter = (piece: string, isLast: boolean, signal: AbortSignal) => string | Promise<string>;

/**
 * Screens an answer by one rule after the other, each over what the one before lets go. Nothing is let go from where a match
 * begins, or where what follows could still make one, and no sentence before it was judged where a rule is about topics, so
 * that an answer comes out the same however it was cut.
 */
export function createOutputScreen(rules: readonly CompiledRule[], onFound: OnFound, isAbout: IsAbout): OutputScreen {
  let stopped = false;
  const stop = () => {
    stopped = true;
  };
  const filters = rules.map((rule) =>
    'finder' in rule ? createFilter(rule, onFound, stop) : createTopicFilter(rule, onFound, stop, isAbout),
  );
  /** The first half of a sign that was cut in two. */
  let half = '';
  const run = async (piece: string, isLast: boolean, signal: AbortSignal): Promise<string> => {
    if (stopped) return '';
    const text = half + piece;
    half = !isLast && /[\uD800-\uDBFF]$/.test(text) ? text.slice(-1) : '';
    let passed = text.slice(0, text.length - half.length);
    for (const filter of filters) {
      const wasStopped = stopped;
      passed = await filter(passed, isLast || wasStopped, signal);
    }
    return passed;
  };
  return {
    push: (text, signal) => run(text, false, signal),
    end: (signal) => run('', true, signal),
    get stopped() {
      return stopped;
    },
  };
}

function createFilter({ rule, finder }: TextRule, onFound: OnFound, stop: () => void): Filter {
  let text = '';
  /** Up to here it is decided. */
  let done = 0;
  let isOver = false;
  return (piece, isLast) => {
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
        return passed + refusalOf(rule, text.slice(0, span.start).trim() === '');
      }
    }
    if (done >= limit) return passed;
    passed += text.slice(done, limit);
    done = limit;
    return passed;
  };
}

/** Sentence by sentence: what an answer is about is no matter of words, and a sentence that was let go cannot be taken back. */
function createTopicFilter(compiled: VectorRule, onFound: OnFound, stop: () => void, isAbout: IsAbout): Filter {
  const { rule } = compiled;
  let waiting = '';
  let isFirst = true;
  let isOver = false;
  return async (piece, isLast, signal) => {
    if (isOver) return '';
    waiting += piece;
    let passed = '';
    for (let sentence = nextSentence(waiting, isLast); sentence !== null; sentence = nextSentence(waiting, isLast)) {
      if (await isAbout(compiled, sentence, signal)) {
        onFound(rule, 1);
        if (rule.action !== 'flag') {
          isOver = true;
          stop();
          return rule.action === 'block' ? passed : passed + refusalOf(rule, isFirst);
        }
      }
      waiting = waiting.slice(sentence.length);
      isFirst &&= sentence.trim() === '';
      passed += sentence;
    }
    return passed;
  };
}

/** A paragraph of its own where something was said before. */
function refusalOf({ text }: CompiledRule['rule'], isFirst: boolean): string {
  return `${isFirst ? '' : '\n\n'}${text}`;
}
