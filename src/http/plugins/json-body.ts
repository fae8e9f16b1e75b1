import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { AppError } from '../../errors/app-error.js';
import { giveBack } from '../../files/give-back.js';
import type { App } from '../app.js';
import { PART_BYTES } from './body-pace.js';

const [QUOTE, BACKSLASH, COLON, LIST, OBJECT] = [...'"\\:[{'].map((sign) => sign.charCodeAt(0)) as [
  number,
  number,
  number,
  number,
  number,
];

/**
 * Reads JSON bodies. What they hold is bounded besides their size, and counts beside it for who sends many: reading and checking
 * a megabyte of text takes a millisecond, of empty objects a hundred, in which every stream of the gateway stands still.
 */
export function addJsonBodies(app: App, { maxBodyParts }: { readonly maxBodyParts: number }): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', (request, payload, done) => {
    readText(payload, (error, text) => {
      if (error) return done(Object.assign(error, { statusCode: 400 }));
      const parts = countParts(text, maxBodyParts);
      // What comes in chunks has no length before it is here.
      const uncounted = request.headers['content-length'] === undefined ? text.length : 0;
      app.bodyPace.take(request.principal.tenant, uncounted + parts * PART_BYTES);
      if (parts > maxBodyParts) {
        done(tooManyParts(maxBodyParts));
      } else {
        parse(request, text, done);
      }
    });
  });
}

/** All of a body whose length is bounded already. Its bytes are read as they come, and given back: the framework's own way keeps a large one twice. */
export function readText(body: Readable, done: (error: Error | null, text: string) => void): void {
  const decoder = new StringDecoder('utf8');
  let text = '';
  body.on('data', (piece: Buffer) => {
    text += decoder.write(piece);
    giveBack(piece);
  });
  body.once('end', () => done(null, text + decoder.end()));
  body.once('error', (error) => done(error, ''));
}

export function tooManyParts(most: number): AppError {
  const reason = `holds more than ${most} objects, lists and names; send less, or raise server.maxBodyParts`;
  return new AppError('invalid_value', { param: 'body', reason });
}

/** Objects, lists and names in a text of JSON, counted up to one more than `most`. What is no JSON is found when it is parsed. */
export function countParts(json: string, most: number): number {
  let parts = 0;
  for (let i = 0; i < json.length && parts <= most; i++) {
    const code = json.charCodeAt(i);
    if (code === QUOTE) i = endOfString(json, i);
    else if (code === COLON || code === LIST || code === OBJECT) parts++;
  }
  return parts;
}

/** Where the string that begins at `start` ends. */
function endOfString(json: string, start: number): number {
  for (let end = json.indexOf('"', start + 1); end !== -1; end = json.indexOf('"', end + 1)) {
    let slashes = 0;
    while (json.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return end;
  }
  return json.length;
}
