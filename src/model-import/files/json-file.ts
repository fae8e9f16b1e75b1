import { AppError } from '../../errors/app-error.js';
import { decodeText } from '../../files/decode-text.js';
import { readRegularFile } from '../../files/regular-file.js';

const MAX_BYTES = 64 << 20;

/** A JSON object in a file of somebody else's: look-ups by type, whatever does not fit is the file's fault. */
export class JsonFile {
  readonly path: string;
  readonly values: Readonly<Record<string, unknown>>;

  constructor(path: string, values?: Readonly<Record<string, unknown>>) {
    this.path = path;
    this.values = values ?? this.#read();
  }

  /** False for a missing value and for null. */
  has(key: string): boolean {
    return Object.hasOwn(this.values, key) && this.values[key] !== null;
  }

  number(key: string, fallback?: number): number {
    return this.#get(key, 'a number', fallback, (value) => typeof value === 'number');
  }

  text(key: string, fallback?: string): string {
    return this.#get(key, 'a text', fallback, (value) => typeof value === 'string');
  }

  flag(key: string, fallback: boolean): boolean {
    return this.#get(key, 'true or false', fallback, (value) => typeof value === 'boolean');
  }

  object(key: string): Readonly<Record<string, unknown>> {
    return this.#get<Record<string, unknown>>(key, 'an object', undefined, isObject);
  }

  list(key: string): readonly unknown[] {
    return this.#get<unknown[]>(key, 'a list', undefined, Array.isArray);
  }

  /** A nested object, with the same look-ups. */
  optional(key: string): JsonFile | null {
    return this.has(key) ? new JsonFile(this.path, this.object(key)) : null;
  }

  invalid(reason: string): AppError {
    return new AppError('model_invalid', { file: this.path, reason });
  }

  #get<T>(key: string, type: string, fallback: T | undefined, is: (value: unknown) => boolean): T {
    const value = this.has(key) ? this.values[key] : fallback;
    if (!is(value)) throw this.invalid(`${key} is missing or not ${type}`);
    return value as T;
  }

  #read(): Readonly<Record<string, unknown>> {
    let value: unknown;
    try {
      value = JSON.parse(decodeText(readRegularFile(this.path, MAX_BYTES)));
    } catch (cause) {
      throw new AppError('model_invalid', { file: this.path, reason: `it is not readable JSON (${cause})` }, { cause });
    }
    if (!isObject(value)) throw this.invalid('it is not a JSON object');
    return value as Record<string, unknown>;
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
