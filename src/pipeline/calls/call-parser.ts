/**
 * Finds calls of functions in what a model writes, as it comes: the marks of its family, and the JSON that small models write
 * instead, alone on a line or in a block of code, where it names one of the functions that there are. Pure, and the same
 * wherever the text is cut. What turns out to be no call is text; arguments are passed on while they are written.
 */
import type { CallFormat } from '../../contracts/tokenizer.js';
import { partialMatch } from '../../patterns/partial-match.js';
import { JsonScan } from './json-scan.js';
import { type Callable, CallReader } from './read-call.js';

export type Piece =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'call'; readonly name: string }
  | { readonly type: 'arguments'; readonly text: string }
  /** The call is whole. */
  | { readonly type: 'end' };

/** What announces a call, and what may close it. */
const MARKS: Readonly<Record<CallFormat, { readonly open: string; readonly close: string | null }>> = {
  hermes: { open: '<tool_call>', close: '</tool_call>' },
  llama3: { open: '<|python_tag|>', close: null },
  mistral: { open: '[TOOL_CALLS]', close: null },
};
/** All texts that may be special tokens of a vocabulary, and have to be seen. */
export function marksOf(format: CallFormat): readonly string[] {
  const { open, close } = MARKS[format];
  return [open, ...(close === null ? [] : [close]), ...(format === 'mistral' ? ['[CALL_ID]', '[ARGS]'] : [])];
}

const FENCE = /^```(?:json|tool_call)?[ \t]*\r?\n\s*(?=[[{])/;
const FENCE_BEGUN = /^(?:`{1,2}|```[a-z_]*[ \t]*\r?(?:\n\s*)?)$/;
/** Of Mistral's newer models: the name stands before the arguments. */
const NAMED = /^([\w-]+)(?:\[CALL_ID\]\w*)?(?:\[ARGS\])?\s*(?=\{)/;
const NAMED_BEGUN = /^[\w-]+(?:\[\w*\]?\w*)*\s*$/;
/** Between calls, and around them. */
const LEAD = /^[\s[]*/;
const BEHIND = /^[\s,;}\]]*/;
/** Members behind the arguments. */
const MEMBER = /^"\w+"\s*:\s*(?:"[^"]*"|[\w.-]+)\s*(?=[,}])/;
const MEMBER_BEGUN = /^"(?:\w*|\w+"\s*(?::\s*(?:"[^"]*"?|[\w.-]+)?\s*)?)$/;

interface Opening {
  readonly length: number;
  readonly close: string | null;
}

type Mode =
  | { readonly type: 'text' }
  /** Announced by what may have to be given back as text. */
  | { readonly type: 'candidate'; readonly given: string; readonly reader: CallReader; readonly close: string | null }
  | { readonly type: 'arguments'; readonly scan: JsonScan; readonly close: string | null }
  /** Arguments that are no JSON are passed on as they are. */
  | { readonly type: 'broken'; readonly close: string | null }
  | { readonly type: 'behind'; readonly close: string | null };

export class CallParser {
  readonly #format: CallFormat;
  readonly #functions: Callable;
  /** Within the marks of a family grammars bind what is written. */
  readonly #marked: Callable;
  #mode: Mode = { type: 'text' };
  #buffer = '';
  /** Only blanks stand between the last line end and what comes next. */
  #atLineStart = true;
  #pieces: Piece[] = [];
  #calls = 0;

  constructor(format: CallFormat, functions: Callable) {
    this.#format = format;
    this.#functions = functions;
    this.#marked = new Map([...functions.keys()].map((name) => [name, null]));
  }

  push(text: string): Piece[] {
    this.#buffer += text;
    while (this.#step());
    return this.#taken();
  }

  /** The rest, once the answer is whole. */
  end(): Piece[] {
    const mode = this.#mode;
    if (mode.type === 'candidate') this.#write(mode.given);
    if (mode.type === 'broken') this.#pieces.push({ type: 'arguments', text: this.#buffer });
    else if (mode.type !== 'behind' || !mode.close?.startsWith(this.#buffer)) this.#writeLast(this.#buffer);
    this.#buffer = '';
    return this.#taken();
  }

  #taken(): Piece[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces.filter((piece) => !('text' in piece) || piece.text !== '');
  }

  /** Goes on as far as one mode reaches; false: more text is needed. */
  #step(): boolean {
    const mode = this.#mode;
    switch (mode.type) {
      case 'text':
        return this.#readText();
      case 'candidate':
        return this.#readCandidate(mode);
      case 'arguments': {
        const { length, json } = mode.scan.read(this.#buffer);
        this.#pieces.push({ type: 'arguments', text: json });
        this.#cut(length);
        if (mode.scan.state === 'open') return false;
        if (mode.scan.state === 'closed') this.#pieces.push({ type: 'end' });
        this.#mode = { type: mode.scan.state === 'closed' ? 'behind' : 'broken', close: mode.close };
        return true;
      }
      case 'broken': {
        const { close } = mode;
        const at = close === null ? -1 : this.#buffer.indexOf(close);
        const held = close === null ? 0 : partialMatch(this.#buffer, close);
        const length = at >= 0 ? at : this.#buffer.length - held;
        this.#pieces.push({ type: 'arguments', text: this.#buffer.slice(0, length) });
        this.#cut(length);
        if (at < 0) return false;
        this.#pieces.push({ type: 'end' });
        this.#mode = { type: 'behind', close };
        return true;
      }
      case 'behind':
        return this.#readBehind(mode.close);
    }
  }

  /** Blanks are held with what may begin behind them: before and behind a call nothing is left of them. */
  #readText(): boolean {
    for (const { index } of this.#buffer.matchAll(/[<[{`]/g)) {
      const opening = this.#openingAt(index);
      if (opening === 'none') continue;
      const shown = this.#buffer.slice(0, index).trimEnd();
      this.#show(shown);
      if (opening === 'more') return false;
      const given = this.#buffer.slice(0, index - shown.length + opening.length);
      this.#cut(given.length);
      this.#mode = { type: 'candidate', given, ...this.#newReader(opening.close) };
      return true;
    }
    this.#show(this.#buffer.trimEnd());
    return false;
  }

  #openingAt(index: number): Opening | 'more' | 'none' {
    const rest = this.#buffer.slice(index);
    const { open, close } = MARKS[this.#format];
    if (rest.startsWith(open)) return { length: open.length, close };
    if (open.startsWith(rest)) return 'more';
    if (!this.#isLineStart(index)) return 'none';
    if (rest.startsWith('{')) return { length: 0, close: null };
    if (rest.startsWith('['))
      return /^\[\s*$/.test(rest) ? 'more' : /^\[\s*\{/.test(rest) ? { length: 1, close: null } : 'none';
    const fence = FENCE.exec(rest);
    if (fence) return { length: fence[0].length, close: '```' };
    return FENCE_BEGUN.test(rest) ? 'more' : 'none';
  }

  #isLineStart(index: number): boolean {
    const before = this.#buffer.slice(0, index);
    const line = before.slice(before.lastIndexOf('\n') + 1);
    return line.trim() === '' && (line.length < before.length || this.#atLineStart);
  }

  #readCandidate({ given, reader, close }: Extract<Mode, { type: 'candidate' }>): boolean {
    const lead = LEAD.exec(this.#buffer)![0].length;
    const text = this.#buffer.slice(lead);
    if (text === '') return false;
    const reading = text.startsWith('{') ? reader.read(text) : this.#readNamed(text);
    if (reading === 'more') return false;
    if (reading === 'none') {
      this.#write(given + this.#buffer.slice(0, lead + 1));
      this.#cut(lead + 1);
      this.#mode = { type: 'text' };
      return true;
    }
    this.#calls += 1;
    this.#pieces.push({ type: 'call', name: reading.name });
    this.#cut(lead + reading.at);
    if (reading.whole === null) this.#mode = { type: 'arguments', scan: new JsonScan(), close };
    else {
      this.#pieces.push({ type: 'arguments', text: reading.whole }, { type: 'end' });
      this.#mode = { type: 'behind', close };
    }
    return true;
  }

  #readNamed(text: string) {
    if (this.#format !== 'mistral') return 'none';
    const named = NAMED.exec(text);
    if (named && this.#functions.has(named[1]!)) return { name: named[1]!, at: named[0].length, whole: null };
    return !named && NAMED_BEGUN.test(text) ? 'more' : 'none';
  }

  /** Brackets that are left of a call mean nothing; another one may follow it at once. */
  #readBehind(close: string | null): boolean {
    this.#cut(BEHIND.exec(this.#buffer)![0].length);
    const rest = this.#buffer;
    if (rest === '') return false;
    const member = MEMBER.exec(rest);
    if (member) {
      this.#cut(member[0].length);
      return true;
    }
    if (MEMBER_BEGUN.test(rest)) return false;
    if (close !== null && rest.startsWith(close)) {
      this.#cut(close.length);
      return true;
    }
    if (close?.startsWith(rest)) return false;
    const isCall = rest.startsWith('{');
    this.#atLineStart = true;
    this.#mode = isCall ? { type: 'candidate', given: '', ...this.#newReader(close) } : { type: 'text' };
    return true;
  }

  #newReader(close: string | null) {
    const isMarked = this.#format !== 'hermes' || close === MARKS.hermes.close;
    return { reader: new CallReader(isMarked ? this.#marked : this.#functions), close };
  }

  #write(text: string): void {
    if (text === '') return;
    const last = this.#pieces.at(-1);
    if (last?.type === 'text') this.#pieces[this.#pieces.length - 1] = { type: 'text', text: last.text + text };
    else this.#pieces.push({ type: 'text', text });
    const line = text.slice(text.lastIndexOf('\n') + 1);
    this.#atLineStart = line.trim() === '' && (line.length < text.length || this.#atLineStart);
  }

  #writeLast(text: string): void {
    if (this.#calls === 0 || text.trim() !== '') this.#write(text);
  }

  /** Writes the beginning of what is there. */
  #show(text: string): void {
    this.#write(text);
    this.#cut(text.length);
  }

  #cut(length: number): void {
    this.#buffer = this.#buffer.slice(length);
  }
}
