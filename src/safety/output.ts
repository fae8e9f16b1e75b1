import type { Entity } from '../contracts/entities.js';
import type { OutputScreen } from '../contracts/safety.js';
import type { Span } from '../patterns/finder.js';
import { nextSentence } from './answer-sentences.js';
import type { CompiledRule, EntityRule, TextRule, VectorRule } from './rules.js';

/** Told of everything that a rule finds. */
type OnFound = (rule: CompiledRule['rule'], count: number) => void;
/** Whether a text is about what a rule is about. */
type IsAbout = (rule: VectorRule, text: string, signal: AbortSignal) => Promise<boolean>;
/** The entities that a rule looks for. */
type FindIn = (rule: EntityRule, text: string, signal: AbortSignal) => Promise<readonly Entity[]>;
/** Takes what is let go to it, and lets go what is decided. What it lets go when it stops the answer is the last. */
type Filter = (piece: string, isLast: boolean, signal: AbortSignal) => string | Promise<string>;

/**
 * Screens an answer by one rule after the other, each over what the one before lets go. Nothing is let go from where a match
 * begins, or where what follows could still make one, and no sentence before it was judged where a rule is about topics or
 * names, so that an answer comes out the same however it was cut.
 */
export function createOutputScreen(
  rules: readonly CompiledRule[],
  onFound: OnFound,
  { isAbout, findIn }: { readonly isAbout: IsAbout; readonly findIn: FindIn },
): OutputScreen {
  let stopped = false;
  const stop = () => {
    stopped = true;
  };
  const filters = rules.map((rule) => {
    if ('finder' in rule) return createFilter(rule, onFound, stop);
    if ('entities' in rule) return createEntityFilter(rule, onFound, stop, findIn);
    return createTopicFilter(rule, onFound, stop, isAbout);
  });
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
    stopped: () => stopped,
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
      passed += text.slice(done, span.start) + instead(rule, span, text, text.slice(0, span.start).trim() === '');
      done = span.end;
      if (ends(rule)) {
        isOver = true;
        stop();
        return passed;
      }
    }
    if (done >= limit) return passed;
    passed += text.slice(done, limit);
    done = limit;
    return passed;
  };
}

/** What becomes of the beginning of a sentence that is decided, `taken` characters of it. Nothing comes after what ends the answer. */
interface Verdict {
  readonly passed: string;
  readonly taken: number;
  readonly isOver: boolean;
}

/**
 * Sentence by sentence: one that was let go cannot be taken back.
 * @param judge told whether nothing comes after the sentence
 */
function bySentence(
  stop: () => void,
  judge: (sentence: string, isLast: boolean, signal: AbortSignal) => Promise<Verdict>,
): Filter {
  let waiting = '';
  let isOver = false;
  return async (piece, isLast, signal) => {
    if (isOver) return '';
    waiting += piece;
    let passed = '';
    for (let sentence = nextSentence(waiting, isLast); sentence !== null; sentence = nextSentence(waiting, isLast)) {
      const verdict = await judge(sentence, isLast && sentence.length === waiting.length, signal);
      passed += verdict.passed;
      if (verdict.isOver) {
        isOver = true;
        stop();
        return passed;
      }
      waiting = waiting.slice(verdict.taken);
    }
    return passed;
  };
}

/** What an answer is about is no matter of words: a sentence is let go, or it is not. */
function createTopicFilter(compiled: VectorRule, onFound: OnFound, stop: () => void, isAbout: IsAbout): Filter {
  const { rule } = compiled;
  let isFirst = true;
  return bySentence(stop, async (sentence, _isLast, signal) => {
    const taken = sentence.length;
    if (await isAbout(compiled, sentence, signal)) {
      onFound(rule, 1);
      if (ends(rule)) return { passed: rule.action === 'block' ? '' : refusalOf(rule, isFirst), taken, isOver: true };
    }
    isFirst &&= sentence.trim() === '';
    return { passed: sentence, taken, isOver: false };
  });
}

/** Characters before a sentence that it is read with. */
const CONTEXT = 160;
/** What may stand between the two halves of a name or an address that is cut: no end of a sentence or a line. */
const MAY_GO_ON = /^[^\S\n]*[-'’,]?[^\S\n]*$/;
const LAST_WORD = /[\p{L}\p{M}\p{N}][\p{L}\p{M}\p{N}'’-]*$/u;

/**
 * A sentence is read with what was said before it, since a name is told by the words around it. Of one that does not end in
 * time, the word or the name at the end of what is looked at waits for what follows.
 */
function createEntityFilter(compiled: EntityRule, onFound: OnFound, stop: () => void, findIn: FindIn): Filter {
  const { rule } = compiled;
  let said = '';
  let isFirst = true;
  return bySentence(stop, async (sentence, isLast, signal) => {
    const before = said.length;
    const spans = (await findIn(compiled, said + sentence, signal))
      .map(({ kind, start, end }) => ({ label: kind, start: Math.max(0, start - before), end: end - before }))
      .filter(({ end }) => end > 0);
    const taken = isLast ? sentence.length : decidedTo(sentence, spans);
    let passed = '';
    let done = 0;
    for (const span of spans.filter(({ start }) => start < taken)) {
      const between = sentence.slice(done, span.start);
      isFirst &&= between.trim() === '';
      onFound(rule, 1);
      passed += between + instead(rule, span, sentence, isFirst);
      isFirst = false;
      done = span.end;
      if (ends(rule)) return { passed, taken, isOver: true };
    }
    isFirst &&= sentence.slice(0, taken).trim() === '';
    said = (said + sentence.slice(0, taken)).slice(-CONTEXT);
    return { passed: passed + sentence.slice(done, taken), taken, isOver: false };
  });
}

/** What follows may make more of a name at the very end, or of the last word. All of it where nothing else would be left. */
function decidedTo(sentence: string, spans: readonly Span[]): number {
  const last = spans.at(-1);
  const open = last && MAY_GO_ON.test(sentence.slice(last.end)) ? last.start : LAST_WORD.exec(sentence)?.index;
  return open || sentence.length;
}

/** What comes out in the place of what a rule found. @param isFirst nothing was said before it */
function instead(rule: CompiledRule['rule'], { start, end, label }: Span, text: string, isFirst: boolean): string {
  if (rule.action === 'redact') return `[${label}]`;
  if (rule.action === 'flag') return text.slice(start, end);
  return rule.action === 'block' ? '' : refusalOf(rule, isFirst);
}

/** Of an answer, whatever of it was found. */
function ends({ action }: CompiledRule['rule']): boolean {
  return action === 'block' || action === 'refuse';
}

/** A paragraph of its own where something was said before. */
function refusalOf({ text }: CompiledRule['rule'], isFirst: boolean): string {
  return `${isFirst ? '' : '\n\n'}${text}`;
}
