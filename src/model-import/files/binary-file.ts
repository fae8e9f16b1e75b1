import { closeSync, readSync } from 'node:fs';
import { AppError } from '../../errors/app-error.js';
import { openRegularFile } from '../../files/regular-file.js';

/** A file that is somebody else's word: every read is checked against its real size before anything is allocated. */
export class BinaryFile {
  readonly path: string;
  readonly size: number;
  readonly #fd: number;

  constructor(path: string) {
    this.path = path;
    try {
      const { descriptor, bytes } = openRegularFile(path);
      this.#fd = descriptor;
      this.size = bytes;
    } catch (cause) {
      throw new AppError('model_invalid', { file: path, reason: `it cannot be opened (${String(cause)})` }, { cause });
    }
  }

  /** Exactly `length` bytes at `offset`, or `model_invalid`. */
  read(offset: number, length: number): Buffer {
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
      throw this.invalid(`it asks for ${length} bytes at ${offset}`);
    }
    if (offset + length > this.size) {
      throw this.invalid(`it is truncated: ${length} bytes at ${offset} are past its end (${this.size} bytes)`);
    }
    const bytes = Buffer.allocUnsafe(length);
    for (let done = 0; done < length; ) {
      const count = readSync(this.#fd, bytes, done, length - done, offset + done);
      if (count === 0) throw this.invalid('it became shorter while it was read');
      done += count;
    }
    return bytes;
  }

  invalid(reason: string): AppError {
    return new AppError('model_invalid', { file: this.path, reason });
  }

  close(): void {
    closeSync(this.#fd);
  }
}
