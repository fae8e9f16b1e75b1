import { ENDS_WHOLE, SENTENCE_ENDS } from '../../words/sentences.js';
import type { Block, BlockKind, ParsedDocument, Range } from './document.js';
import { splitBlock } from './split.js';

/** A contiguous piece of a document, of at most `budgetTokens`. */
export interface DraftPassage {
  readonly headings: readonly string[];
  /** Rows of a table that were cut off from its header have it repeated before them. */
  readonly text: string;
  readonly tokens: number;
  /** Range of the document's text; a header that is repeated stands elsewhere. */
  readonly range: Range;
}

export interface PassageLimits {
  readonly budgetTokens: number;
  /** Tokens repeated at most between neighbouring passages of one section. */
  readonly overlapTokens: number;
}

/** What fits into a passage without being cut further. */
interface Unit extends Range {
  readonly headings: readonly string[];
  readonly kind: BlockKind;
  readonly tokens: number;
  /** False for a piece of a block that did not fit. */
  readonly isWhole: boolean;
  /** The header of the table whose rows these are, with its line end; empty for everything else. */
  readonly lead: string;
}

/** A token of any tokenizer in use stands for fewer characters than that on average; longer texts are cut uncounted. */
const MAX_CHARS_PER_TOKEN = 12;
/** About what a line end between two units costs; the exact count decides in the end. */
const JOIN_TOKENS = 1;
/** An estimate that is that far above the budget is believed. Counting is most of the work of cutting. */
const HOPELESS = 1.1;
/** Overlap is looked for in that much text: English and code have four to five characters a token. */
const OVERLAP_CHARS_PER_TOKEN = 5;
/** A header that takes more of a passage than that is not repeated. */
const MAX_LEAD_SHARE = 0.4;
const SAMPLE_CHARS = 256;
const SENTENCE_OR_LINE_ENDS = new RegExp(`${SENTENCE_ENDS.source}|\\n`, 'g');
const WORD_ENDS = /\s+/g;

/**
 * Cuts a document into passages, lazily: whole blocks of one section are taken greedily up to the budget, larger ones
 * are split first. What is not blank is in some passage or in a heading path. `countTokens` is never given more than
 * a few passages' worth of text, whatever the document is.
 */
export function* cutPassages(
  document: ParsedDocument,
  limits: PassageLimits,
  countTokens: (text: string) => number,
): Generator<DraftPassage> {
  const { text } = document;
  const count = (range: Range) => countTokens(text.slice(range.start, range.end));
  const maxChars = limits.budgetTokens * MAX_CHARS_PER_TOKEN;
  let previous: readonly Unit[] = [];
  let pending: Unit[] = [];
  const units = unitsOf(document, limits.budgetTokens, maxChars, count);

  for (let next = units.next(); pending.length > 0 || !next.done; ) {
    const first = pending[0] ?? (next.value as Unit);
    const overlapped = { start: overlapStart(text, previous, first, limits, count), end: first.end };
    const overlappedTokens = overlapped.start < first.start ? count(overlapped) : first.tokens;
    const fits = overlappedTokens <= limits.budgetTokens;
    const start = fits ? overlapped.start : first.start;
    let lead = first.lead;
    let tokens = (fits ? overlappedTokens : first.tokens) + (lead === '' ? 0 : countTokens(lead));

    const taken: Unit[] = [];
    while (pending.length > 0 || !next.done) {
      const unit = pending[0] ?? (next.value as Unit);
      if (taken.length > 0) {
        if (unit.headings !== first.headings || unit.end - start > maxChars) break;
        const estimate = tokens + unit.tokens + JOIN_TOKENS;
        if (estimate > limits.budgetTokens * HOPELESS) break;
        const joined = estimate <= limits.budgetTokens ? estimate : countTokens(lead + text.slice(start, unit.end));
        if (joined > limits.budgetTokens) break;
        tokens = joined;
      }
      taken.push(unit);
      if (pending.length > 0) pending.shift();
      else next = units.next();
    }
    let range = { start, end: taken.at(-1)!.end };
    const whole = () => lead + text.slice(range.start, range.end);
    let exact = countTokens(whole());
    // The estimate is no bound for every tokenizer and every white space: give units back until the count is right.
    while (exact > limits.budgetTokens && (taken.length > 1 || lead !== '')) {
      if (taken.length > 1) pending = [taken.pop()!, ...pending];
      else lead = '';
      range = { start, end: taken.at(-1)!.end };
      exact = countTokens(whole());
    }
    yield { headings: first.headings, text: whole(), tokens: exact, range };
    previous = taken;
  }
}

function* unitsOf(
  document: ParsedDocument,
  budgetTokens: number,
  maxChars: number,
  count: (range: Range) => number,
): Generator<Unit> {
  for (const block of document.blocks) {
    const { lead, tokens: leadTokens } = leadOf(document.text, block, budgetTokens, count);
    const known = new Map<number, number>();
    const fits = (range: Range) => {
      if (range.end - range.start > maxChars) return false;
      const tokens = count(range);
      known.set(range.start, tokens);
      return tokens <= budgetTokens - (range.start > block.start ? leadTokens : 0);
    };
    let leastChars = 0;
    const minChars = () => (leastChars ||= quarterOf(block, budgetTokens, count));
    for (const range of splitBlock(document.text, block, minChars, fits)) {
      const isWhole = range.start === block.start && range.end === block.end;
      yield {
        ...range,
        headings: block.headings,
        kind: block.kind,
        tokens: known.get(range.start)!,
        isWhole,
        lead: range.start >= (block.headerEnd ?? block.end) ? lead : '',
      };
      known.clear();
    }
  }
}

/** The header of a table, as it stands before rows that were cut off from it. */
function leadOf(text: string, block: Block, budgetTokens: number, count: (range: Range) => number) {
  const none = { lead: '', tokens: 0 };
  if (block.headerEnd === undefined) return none;
  const header = { start: block.start, end: block.headerEnd };
  if (header.end - header.start > budgetTokens * MAX_CHARS_PER_TOKEN) return none;
  const tokens = count(header) + JOIN_TOKENS;
  return tokens > budgetTokens * MAX_LEAD_SHARE ? none : { lead: `${text.slice(header.start, header.end)}\n`, tokens };
}

/**
 * About how many characters make a quarter of a passage: pieces of that size pack well and are few to count. Four to
 * a token in English, less than one in Chinese, so a sample is counted.
 */
function quarterOf({ start, end }: Range, budgetTokens: number, count: (range: Range) => number): number {
  const middle = (start + end) >> 1;
  const sample = { start: Math.max(start, middle - SAMPLE_CHARS / 2), end: Math.min(end, middle + SAMPLE_CHARS / 2) };
  const charsPerToken = (sample.end - sample.start) / Math.max(1, count(sample));
  return Math.min(budgetTokens, Math.ceil((budgetTokens / 4) * charsPerToken));
}

/**
 * Where a passage starts that follows `previous`: at a sentence (or line) of it that leaves at most `overlapTokens`.
 * Tables (their header is repeated instead) and whole code blocks and lists are not repeated in part, and a sentence
 * only where it was itself cut.
 */
function overlapStart(
  text: string,
  previous: readonly Unit[],
  next: Unit,
  { overlapTokens }: PassageLimits,
  count: (range: Range) => number,
): number {
  const last = previous.at(-1);
  if (!last || overlapTokens === 0 || last.headings !== next.headings) return next.start;
  if (last.kind === 'table' || (last.kind === 'lines' && last.isWhole)) return next.start;
  const from = Math.max(previous[0]!.start + 1, last.end - overlapTokens * OVERLAP_CHARS_PER_TOKEN);
  const tail = text.slice(from, last.end);
  const isMidSentence = !last.isWhole && !ENDS_WHOLE.test(tail.slice(-8));
  for (const boundary of isMidSentence ? [SENTENCE_OR_LINE_ENDS, WORD_ENDS] : [SENTENCE_OR_LINE_ENDS]) {
    for (const match of tail.matchAll(boundary)) {
      const start = from + match.index + match[0].length;
      if (start < last.end && count({ start, end: last.end }) <= overlapTokens) return start;
    }
  }
  return next.start;
}
