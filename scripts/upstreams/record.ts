import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PeerContext } from '../../bench/peers/peer.js';
import type { AdapterRef } from '../../src/contracts/adapter.js';
import type { Tokenizer } from '../../src/contracts/tokenizer.js';
import { COMPILED } from '../../src/model-import/lora/compiler.js';
import { createUpstream } from '../../src/upstream/client.js';
import type { UpstreamSettings } from '../../src/upstream/settings.js';
import { inlineTokenizer, loadModelTokenizer } from '../../tests/fixtures/tokenizer/inline-tokenizer.js';
import { askAll, faultsOf } from '../../tests/fixtures/upstream/questions.js';
import {
  type Exchange,
  type RecordingHead,
  recordingFile,
  requestLine,
  toRecorded,
} from '../../tests/fixtures/upstream/recording.js';
import { UPSTREAM_SETTINGS } from '../../tests/fixtures/upstream/upstream.js';
import { within } from './within.js';

const PATIENCE_MS = 600_000;
const CONTEXT_TOKENS = 512;
const PROBE_INTERVAL_MS = 2000;
const POLL_MS = 50;
/** What is asked again and again while it is up. */
const LOOKS = ['/metrics', '/slots'];

interface RecordOptions {
  readonly dialect: UpstreamSettings['dialect'];
  /** Its name and version. */
  readonly server: string;
  readonly url: string;
  readonly context: PeerContext;
}

/**
 * Asks a real server what `npm test` asks of the recording.
 * @param write whether the recording is written anew
 * @throws Error where an answer is not what it has to be
 */
export async function ask({ dialect, server, url, context }: RecordOptions, write: boolean): Promise<void> {
  const adapters = context.adapters.slice(0, 2).map(
    ({ name: digest }, i): AdapterRef => ({
      ...{ name: `adapter-${i + 1}`, version: 1, digest },
      compiledFile: join(context.workDir, 'adapters', digest, COMPILED),
    }),
  ) as [AdapterRef, AdapterRef];
  const exchanges: Exchange[] = [];
  const proxy = await listen(url, (exchange) => exchanges.push(exchange));
  const tokens: Record<string, readonly number[]> = {};
  const upstream = await createUpstream({
    settings: {
      ...UPSTREAM_SETTINGS,
      ...{ dialect, urls: addressOf(proxy), probeIntervalMs: PROBE_INTERVAL_MS },
      adapterLoadTimeoutMs: PATIENCE_MS,
      firstTokenTimeoutMs: PATIENCE_MS,
      stallTimeoutMs: PATIENCE_MS,
    },
    limits: { contextTokens: CONTEXT_TOKENS, maxQueued: 16, maxQueuedBytes: 2 ** 20 },
    manifest: context.manifest,
    tokenizer: noting(inlineTokenizer(await loadModelTokenizer()), tokens),
    clock: { now: Date.now, monotonicMs: () => performance.now() },
    log: { info: () => {}, warn: (fields, message) => context.say(`${message}: ${JSON.stringify(fields)}`) },
  });
  try {
    await within(PATIENCE_MS, `${server} to be taken into the pool`, async (signal) => {
      while (!upstream.status().ready) await sleep(POLL_MS, undefined, { signal });
    });
    const lose = async (digest: string) => {
      const body = JSON.stringify({ lora_name: `sw-${digest}` });
      const headers = { 'content-type': 'application/json' };
      await fetch(`${addressOf(proxy)}/v1/unload_lora_adapter`, { method: 'POST', headers, body });
    };
    const outcomes = await askAll(upstream, dialect, adapters, dialect === 'vllm' ? lose : null);
    if (write) {
      const digests = adapters.map(({ digest }) => digest);
      const head: RecordingHead = { server, tokens, outcomes };
      const file = recordingFile(dialect);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, [head, ...exchanges].map((line) => `${lineOf(line, digests)}\n`).join(''));
    }
    context.say(`${Object.keys(outcomes).length} questions in ${exchanges.length} exchanges`);
    const faults = faultsOf(outcomes);
    if (faults.length > 0) throw new Error(`${faults.join('; ')}: ${JSON.stringify(outcomes, null, 2)}`);
  } finally {
    await upstream.close();
    proxy.closeAllConnections();
    proxy.close();
  }
}

/** Texts within it are recorded ones: the JSON of a body is a string there. */
function lineOf(line: RecordingHead | Exchange, digests: readonly string[]): string {
  if (!('request' in line)) return JSON.stringify(line);
  const said = (text: string) => toRecorded(text, digests);
  return JSON.stringify({ ...line, request: said(line.request), chunks: line.chunks.map(said) });
}

/** Passes all on, and tells of each exchange that came to its end. */
async function listen(target: string, onExchange: (exchange: Exchange) => void): Promise<Server> {
  const proxy = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece);
    const body = Buffer.concat(pieces).toString();
    const left = new AbortController();
    response.once('close', () => left.abort());
    try {
      const { method, url: path } = request as { method: string; url: string };
      const answer = await fetch(target + path, {
        ...{ method, signal: left.signal, headers: { 'content-type': 'application/json' } },
        ...(body !== '' && { body }),
      });
      const contentType = answer.headers.get('content-type') ?? '';
      response.writeHead(answer.status, { 'content-type': contentType });
      const chunks: string[] = [];
      const decoder = new TextDecoder();
      for await (const chunk of answer.body ?? []) {
        chunks.push(decoder.decode(chunk, { stream: true }));
        response.write(chunk);
      }
      if (!LOOKS.includes(path))
        onExchange({ request: requestLine(method, path, body), status: answer.status, contentType, chunks });
      response.end();
    } catch {
      response.destroy();
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return proxy;
}

const addressOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

/** The same, which notes what it made of each text. */
function noting(tokenizer: Tokenizer, tokens: Record<string, readonly number[]>): Tokenizer {
  return {
    ...tokenizer,
    async encode(prompt, caller) {
      const ids = await tokenizer.encode(prompt, caller);
      if (prompt.kind === 'text') tokens[prompt.text] = [...ids];
      return ids;
    },
    async encodeParts(prompt, caller) {
      const parts = await tokenizer.encodeParts(prompt, caller);
      if (prompt.kind === 'text') tokens[prompt.text] = [...parts.ids];
      return parts;
    },
  };
}
