import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { Busboy, type BusboyHeaders } from '@fastify/busboy';
import { AppError } from '../errors/app-error.js';

interface FormField {
  readonly name: string;
  readonly value: string;
}

/** A file of a form, as it comes. */
export interface FormPart {
  readonly name: string;
  readonly filename: string;
  readonly content: Readable;
}

export interface Form<T> {
  readonly fields: readonly FormField[];
  /** What was made of each file. */
  readonly files: readonly T[];
}

export interface FormLimits {
  readonly fileSize: number;
  readonly files: number;
  readonly fields: number;
  readonly fieldSize: number;
}

/**
 * Reads a form from the body of a request; `keep` gets each file as it comes, and reads all of it. Nothing of it goes on any more when this
 * rejects.
 * @throws AppError `invalid_value` for what is no whole form or has too many parts, `file_too_large`; what `body` or `keep` fails with
 */
export function readForm<T>(
  headers: IncomingHttpHeaders,
  body: Readable,
  limits: FormLimits,
  keep: (part: FormPart) => Promise<T>,
): Promise<Form<T>> {
  return new Promise((resolve, reject) => {
    const fields: FormField[] = [];
    const parts: Readable[] = [];
    const kept: Promise<T>[] = [];
    const invalid = (reason: string) => new AppError('invalid_value', { param: 'body', reason });
    let parser: InstanceType<typeof Busboy>;
    try {
      parser = new Busboy({ headers: headers as BusboyHeaders, limits });
    } catch {
      reject(invalid('is a form without a boundary'));
      return;
    }
    const fail = (error: Error) => {
      body.unpipe(parser);
      for (const part of parts) part.destroy(error);
      Promise.allSettled(kept).then(() => reject(error));
    };
    parser.on('field', (name, value, _isNameCut, isValueCut) => {
      if (isValueCut)
        fail(new AppError('invalid_value', { param: name, reason: `has more than ${limits.fieldSize} bytes` }));
      fields.push({ name, value });
    });
    parser.on('file', (name, content, filename = '') => {
      content.on('limit', () => {
        const limitBytes = limits.fileSize;
        fail(new AppError('file_too_large', { bytes: `more than ${limitBytes}`, limitBytes }));
      });
      // Told by the parser as well.
      content.on('error', () => {});
      parts.push(content);
      const part = keep({ name, filename, content });
      part.catch(fail);
      kept.push(part);
    });
    parser.on('filesLimit', () => fail(invalid(`has more than ${limits.files} file`)));
    parser.on('fieldsLimit', () => fail(invalid(`has more than ${limits.fields} fields`)));
    parser.on('error', () => fail(invalid('is not a whole multipart form')));
    parser.on('finish', () => Promise.all(kept).then((files) => resolve({ fields, files }), reject));
    body.on('error', fail);
    body.pipe(parser);
  });
}
