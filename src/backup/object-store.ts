/** Files in an S3-compatible store: put, fetched, listed and deleted, each by one signed request. */
import { createReadStream, createWriteStream } from 'node:fs';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../errors/app-error.js';
import type { FileDigest } from '../model-import/files/durable.js';
import { type Credentials, encoded, NO_BODY, signed } from './sign.js';

export interface ObjectStore {
  /** @param digest the store refuses other bytes than those */
  put(key: string, file: string, digest: FileDigest): Promise<void>;
  fetch(key: string, file: string): Promise<void>;
  /** Keys that begin like this. */
  list(prefix: string): Promise<string[]>;
  remove(key: string): Promise<void>;
}

/** What one request may carry, by the protocol. */
const MOST_BYTES = 5 * 2 ** 30;
const SILENCE_MS = 60_000;
const LONGEST_ERROR = 64 * 1024;

/** @param address of the bucket, with a prefix for all keys if there is one */
export function createObjectStore(address: string, credentials: Credentials): ObjectStore {
  const { origin, pathname } = new URL(address);
  const [, bucket = '', ...folders] = pathname.replace(/\/+$/, '').split('/');
  const base = folders.map((folder) => `${decodeURIComponent(folder)}/`).join('');
  const pathOf = (key: string) => `/${(base + key).split('/').map(encoded).join('/')}`;

  async function send(
    method: 'GET' | 'PUT' | 'DELETE',
    path: string,
    body?: FileDigest & { readonly file: string },
  ): Promise<IncomingMessage> {
    const url = new URL(`/${bucket}${path}`, origin);
    const headers = signed(
      {
        method,
        url,
        headers: body ? { 'content-length': String(body.bytes) } : {},
        bodySha256: body?.sha256 ?? NO_BODY,
      },
      credentials,
      Date.now(),
    );
    const start = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const sent = start(url, { method, headers });
    sent.setTimeout(SILENCE_MS, () => sent.destroy(new Error(`no answer within ${SILENCE_MS / 1000} s`)));
    const answered = answerOf(sent);
    const sending = body ? pipeline(createReadStream(body.file), sent) : void sent.end();
    try {
      const [answer] = await Promise.all([answered, sending]);
      if (answer.statusCode! >= 200 && answer.statusCode! < 300) return answer;
      throw new Error(`${answer.statusCode} ${await reasonIn(answer)}`);
    } catch (error) {
      const reason = `${method} ${url.origin}${url.pathname}: ${(error as Error).message}`;
      throw new AppError('backup_failed', { reason }, { cause: error });
    }
  }

  return {
    async put(key, file, { bytes, sha256 }) {
      if (bytes > MOST_BYTES) {
        throw new AppError('backup_failed', { reason: `${file} has more than the 5 GiB that one upload may have` });
      }
      (await send('PUT', pathOf(key), { file, bytes, sha256 })).resume();
    },

    async fetch(key, file) {
      await pipeline(await send('GET', pathOf(key)), createWriteStream(file, { flags: 'wx', mode: 0o600 }));
    },

    async list(prefix) {
      const keys: string[] = [];
      let token: string | null = null;
      do {
        const after = token === null ? '' : `&continuation-token=${encoded(token)}`;
        const query = `list-type=2&prefix=${encoded(base + prefix)}${after}`;
        const page = await textOf(await send('GET', `?${query}`));
        for (const [, key] of page.matchAll(/<Key>(.*?)<\/Key>/g)) keys.push(unescaped(key!).slice(base.length));
        token = /<NextContinuationToken>(.*?)<\/NextContinuationToken>/.exec(page)?.[1] ?? null;
        if (token !== null) token = unescaped(token);
      } while (token !== null);
      return keys;
    },

    async remove(key) {
      (await send('DELETE', pathOf(key))).resume();
    },
  };
}

function answerOf(sent: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    sent.once('response', resolve);
    sent.once('error', reject);
  });
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** What the store says is wrong. */
async function reasonIn(answer: IncomingMessage): Promise<string> {
  const text = (await textOf(answer)).slice(0, LONGEST_ERROR);
  const [code, message] = ['Code', 'Message'].map((name) => new RegExp(`<${name}>(.*?)</${name}>`).exec(text)?.[1]);
  return [code ?? answer.statusMessage, message].filter(Boolean).join(': ');
}

function unescaped(text: string): string {
  const signs: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replace(/&(\w+);/g, (all, name: string) => signs[name] ?? all);
}
