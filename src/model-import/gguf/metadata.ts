import type { AppError } from '../../errors/app-error.js';
import type { GgufFile } from './reader.js';

/** Typed look-ups: the wrong type, or no value where there is no fallback, is the file's fault. */
export interface Metadata {
  number(key: string, fallback?: number): number;
  text(key: string, fallback?: string): string;
  flag(key: string, fallback: boolean): boolean;
  texts(key: string): readonly string[];
  numbers(key: string): readonly number[];
  /** @param reason what is wrong with the file */
  invalid(reason: string): AppError;
}

export function typedMetadata({ file, metadata }: GgufFile): Metadata {
  const get = <T>(key: string, type: string, fallback: T | undefined, is: (value: unknown) => value is T): T => {
    const value = metadata.get(key) ?? fallback;
    if (!is(value)) throw file.invalid(`the metadata value ${key} is missing or not ${type}`);
    return value;
  };
  const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
  const isText = (value: unknown): value is string => typeof value === 'string';
  const isFlag = (value: unknown): value is boolean => typeof value === 'boolean';
  const listOf =
    <T>(is: (value: unknown) => value is T) =>
    (value: unknown): value is readonly T[] =>
      Array.isArray(value) && value.every(is);
  return {
    number: (key, fallback) => get(key, 'a number', fallback, isNumber),
    text: (key, fallback) => get(key, 'a text', fallback, isText),
    flag: (key, fallback) => get(key, 'true or false', fallback, isFlag),
    texts: (key) => get(key, 'a list of texts', undefined, listOf(isText)),
    numbers: (key) => get(key, 'a list of numbers', undefined, listOf(isNumber)),
    invalid: (reason) => file.invalid(reason),
  };
}
