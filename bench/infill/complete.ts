import type { PeerServer } from '../peers/peer.js';
import type { CodeHole } from './holes.js';

/** What a server put into a hole, through llama.cpp's `/infill`, greedy; a hole in a line is one line. */
export async function fillHole({ url, headers }: PeerServer, { kind, prefix, suffix }: CodeHole): Promise<string> {
  const response = await fetch(`${url}/infill`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({
      input_prefix: prefix,
      input_suffix: suffix,
      n_predict: kind === 'line' ? 48 : 160,
      temperature: 0,
      ...(kind === 'line' && { stop: ['\n'] }),
    }),
  });
  if (!response.ok) throw new Error(`${url}/infill answered ${response.status}: ${await response.text()}`);
  return ((await response.json()) as { content: string }).content;
}

/** Spaces around are a matter of taste. */
export function isExact(given: string, wanted: string): boolean {
  return given.trim() === wanted.trim();
}

/** 1 for the same text, 0 for one that shares nothing: Levenshtein's distance over the longer length. */
export function editSimilarity(given: string, wanted: string): number {
  const [a, b] = [given.trim(), wanted.trim()];
  let distances = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const next = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = distances[column - 1]! + Number(a[row - 1] !== b[column - 1]);
      next.push(Math.min(replaced, distances[column]! + 1, next[column - 1]! + 1));
    }
    distances = next;
  }
  return 1 - distances[b.length]! / Math.max(a.length, b.length, 1);
}
