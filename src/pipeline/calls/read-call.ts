import { JsonScan } from './json-scan.js';

/** A call that has begun: its arguments, an object, stand at `at`; or one that was read whole, up to `at`. */
export type CallReading =
  | 'more'
  | 'none'
  | { readonly name: string; readonly at: number; readonly whole: string | null };

/** What models write first in an object that is a call; any other object is text from its first member on. */
const FIRST = /^\{\s*"(?:name|function|type|arguments|parameters)"\s*:/;
/** The same, as far as it has come. */
const FIRST_BEGUN = /^\{\s*(?:"(?:[a-z]{0,10}(?:"\s*)?)?)?$/;
const NAME = /^\{\s*"(?:name|function)"\s*:\s*"([^"\\]*)"/;
const HEAD = /^\{\s*"(?:name|function)"\s*:\s*"([^"\\]*)"\s*,\s*"(?:arguments|parameters)"\s*:\s*(?=\{)/;

/** Functions that there are, by name; a check is for arguments that nothing else binds to their schema. */
export type Callable = ReadonlyMap<string, ((args: object) => boolean) | null>;

/** Reads an object that may be a call of a function. Where its arguments are checked, it is read whole. */
export class CallReader {
  readonly #functions: Callable;
  readonly #scan = new JsonScan();
  #json = '';
  #scanned = 0;

  constructor(functions: Callable) {
    this.#functions = functions;
  }

  /** @param text from the object's bracket on; each time the text of the last time, and more */
  read(text: string): CallReading {
    if (!FIRST.test(text)) return FIRST_BEGUN.test(text) ? 'more' : 'none';
    const name = NAME.exec(text)?.[1];
    if (name !== undefined && !this.#functions.has(name)) return 'none';
    const head = HEAD.exec(text);
    if (head && !this.#functions.get(head[1]!)) return { name: head[1]!, at: head[0].length, whole: null };

    const { length, json } = this.#scan.read(text.slice(this.#scanned));
    this.#scanned += length;
    this.#json += json;
    if (this.#scan.state === 'open') return 'more';
    const call = this.#scan.state === 'closed' ? this.#parse() : null;
    return call === null ? 'none' : { ...call, at: this.#scanned };
  }

  /** Members in another order, arguments that are a text of their own, or none at all. */
  #parse(): { name: string; whole: string } | null {
    const value = toObject(this.#json);
    const call = (isObject(value?.function) ? value.function : value) as Record<string, unknown> | null;
    const name = call?.name ?? call?.function;
    if (typeof name !== 'string' || !this.#functions.has(name)) return null;
    const given = call?.arguments ?? call?.parameters ?? {};
    const args = typeof given === 'string' ? toObject(given) : given;
    const accepts = this.#functions.get(name);
    return isObject(args) && accepts?.(args) !== false ? { name, whole: JSON.stringify(args) } : null;
  }
}

function toObject(json: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(json);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
