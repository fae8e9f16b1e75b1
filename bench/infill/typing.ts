import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createSseReader } from '../load.js';
import type { PeerServer } from '../peers/peer.js';

const FILE = path.resolve(import.meta.dirname, '../../node_modules/undici/lib/core/request.js');
/** About 1,500 tokens in all, four fifths of them before the cursor. */
const BEFORE_CHARACTERS = 4_400;
const BEHIND_CHARACTERS = 1_100;
const START = 'onUpgrade';

/** Milliseconds to the first text after every character that is typed; the request before is hung up by then. */
export async function typeCharacters(server: PeerServer, model: string, count: number): Promise<number[]> {
  const source = readFileSync(FILE, 'utf8');
  const cursor = source.indexOf(START, BEFORE_CHARACTERS);
  const before = source.slice(cursor - BEFORE_CHARACTERS, cursor);
  const suffix = source.slice(cursor + count, cursor + count + BEHIND_CHARACTERS);
  // What was there when the cursor came is computed by then.
  await firstText(server, { model, prompt: before, suffix });
  const measured: number[] = [];
  for (let typed = 1; typed <= count; typed++) {
    measured.push(
      await firstText(server, { model, prompt: source.slice(cursor - BEFORE_CHARACTERS, cursor + typed), suffix }),
    );
  }
  return measured;
}

async function firstText({ url, headers }: PeerServer, fields: object): Promise<number> {
  const sentMs = performance.now();
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ ...fields, max_tokens: 32, stream: true }),
  });
  if (!response.ok) throw new Error(`${url}/v1/completions answered ${response.status}: ${await response.text()}`);
  const read = createSseReader();
  const decoder = new TextDecoder();
  for await (const bytes of response.body!) {
    for (const data of read(decoder.decode(bytes, { stream: true }))) {
      if (data !== '[DONE]' && !hasText(data)) continue;
      return performance.now() - sentMs;
    }
  }
  return performance.now() - sentMs;
}

function hasText(data: string): boolean {
  const { choices } = JSON.parse(data) as { choices?: readonly { text?: string; finish_reason?: string | null }[] };
  return Boolean(choices?.[0]?.text || choices?.[0]?.finish_reason);
}
