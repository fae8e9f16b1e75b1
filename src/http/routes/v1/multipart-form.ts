import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { Busboy, type BusboyHeaders } from '@fastify/busboy';
import { AppError } from '../../../errors/app-error.js';

interface FormField {
  readonly name: string;
  readonly value: string;
}

interface FormFile {
  readonly name: string;
  readonly filename: string;
  readonly content: Uint8Array;
}

export interface Form {
  readonly fields: readonly FormField[];
  readonly files: readonly FormFile[];
}

export interface FormLimits {
  readonly fileSize: number;
  readonly files: number;
  readonly fields: number;
  readonly fieldSize: number;
}

/**
 * Reads a form from the body of a request.
 * @throws AppError `invalid_value` for what is no whole form or has too many parts, `file_too_large`; what `body` fails with
 */
export function readForm(headers: IncomingHttpHeaders, body: Readable, limits: FormLimits): Promise<Form> {
  return new Promise((resolve, reject) => {
    const fields: FormField[] = [];
    const files: FormFile[] = [];
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
      reject(error);
    };
    parser.on('field', (name, value) => fields.push({ name, value }));
    parser.on('file', (name, stream, filename = '') => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('limit', () => {
        const limitBytes = limits.fileSize;
        fail(new AppError('file_too_large', { bytes: `more than ${limitBytes}`, limitBytes }));
      });
      stream.on('end', () => files.push({ name, filename, content: Buffer.concat(chunks) }));
      // Told by the parser as well.
      stream.on('error', () => {});
    });
    parser.on('filesLimit', () => fail(invalid(`has more than ${limits.files} file`)));
    parser.on('fieldsLimit', () => fail(invalid(`has more than ${limits.fields} fields`)));
    parser.on('error', () => fail(invalid('is not a whole multipart form')));
    parser.on('finish', () => resolve({ fields, files }));
    body.on('error', fail);
    body.pipe(parser);
  });
}
