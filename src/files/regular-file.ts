/** Reading files that somebody else made: only regular ones, so that a pipe without a writer or a device never holds the process. */
import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs';

/** Without it opening a pipe waits for its writer. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

export interface OpenFile {
  /** The caller closes it. */
  readonly descriptor: number;
  readonly bytes: number;
}

/** Opens a file for reading. Links are followed. @throws Error where it is missing or no regular file */
export function openRegularFile(path: string): OpenFile {
  const descriptor = openSync(path, FLAGS);
  const stat = fstatSync(descriptor);
  if (stat.isFile()) return { descriptor, bytes: stat.size };
  closeSync(descriptor);
  throw new Error(`${path} is not a regular file`);
}

/** The content of a file. @throws Error where it is missing, no regular file or larger than `maxBytes` */
export function readRegularFile(path: string, maxBytes = Number.POSITIVE_INFINITY): Buffer {
  const { descriptor, bytes } = openRegularFile(path);
  try {
    if (bytes > maxBytes) throw new Error(`${path} is larger than ${maxBytes} bytes`);
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Whether there is a regular file at `path`, or a link to one. */
export function isRegularFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
