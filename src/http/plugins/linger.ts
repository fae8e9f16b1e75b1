import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** How much of an unwanted body is read, and how long. */
const MOST_BYTES = 64 * 2 ** 20;
const LONGEST_MS = 20_000;
const LONGEST_SILENCE_MS = 1000;

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * Sends JSON at once, and keeps the connection open until the rest of the request's body has come: to close it before
 * would reset it, and a client that still sends would never read the answer.
 */
export function sendAndLinger(request: FastifyRequest, reply: FastifyReply, json: object): FastifyReply {
  const { raw } = request;
  if (!hasBody(raw) || raw.complete || raw.readableEnded) return reply.send(json);
  const text = JSON.stringify(json);
  const response = async function* () {
    yield text;
    if (!(await isRead(raw))) reply.raw.once('finish', () => raw.socket.destroy());
  };
  return reply
    .type('application/json; charset=utf-8')
    .header('content-length', Buffer.byteLength(text))
    .send(Readable.from(response()));
}

/** False where it is more than we read, or does not come. */
function isRead(raw: IncomingMessage): Promise<boolean> {
  return new Promise((resolve) => {
    let left = MOST_BYTES;
    const settle = (isWhole: boolean) => {
      clearTimeout(silence);
      clearTimeout(longest);
      resolve(isWhole);
    };
    const silence = setTimeout(() => settle(false), LONGEST_SILENCE_MS);
    const longest = setTimeout(() => settle(false), LONGEST_MS);
    raw.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) settle(false);
      else silence.refresh();
    });
    raw.once('end', () => settle(true));
    raw.once('close', () => settle(true));
    raw.resume();
  });
}
