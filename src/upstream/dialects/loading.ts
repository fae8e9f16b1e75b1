/** What servers have in common that load adapters while they run: vLLM, and SGLang after it. */
import { ReplicaFailure } from '../failure.js';
import type { Server } from '../server.js';
import { checkTokens } from './check-tokens.js';
import type { Capabilities, Expected } from './dialect.js';
import { describeCard, findBase, listCards } from './openai.js';

/** Adapters are registered by digest: one name never means other weights, so neither they nor their prefixes are out of date. */
const NAME = 'sw-';

export const nameOf = (digest: string): string => NAME + digest;

/** What a server serves by its cards, with our tokens. @throws ReplicaFailure `broken` */
export async function probeCards(
  server: Server,
  expected: Expected,
  signal: AbortSignal,
): Promise<Omit<Capabilities, 'adapters'>> {
  const cards = await listCards(server, signal);
  const base = findBase(cards, expected);
  const asked = { model: base.id, prompt: expected.text, add_special_tokens: true };
  checkTokens(await server.call('POST', '/tokenize', asked, signal), expected);
  const loaded = cards.filter(({ id }) => id.startsWith(NAME)).map(({ id }) => id.slice(NAME.length));
  return { ...describeCard(base), loaded };
}

/** The sum of some gauges in a server's metrics, of each of its engines; null where there are none. */
export async function sumOf(server: Server, gauges: RegExp, signal: AbortSignal): Promise<number | null> {
  const counts = String(await server.call('GET', '/metrics', null, signal)).matchAll(gauges);
  const numbers = [...counts].map(([, count]) => Number(count));
  return numbers.length === 0 ? null : numbers.reduce((sum, count) => sum + count, 0);
}

/** @throws ReplicaFailure `adapter` where it cannot be loaded there */
export async function loadByPath(
  server: Server,
  path: string,
  { digest, folder }: { readonly digest: string; readonly folder: string },
  signal: AbortSignal,
): Promise<void> {
  try {
    await server.call('POST', path, { lora_name: nameOf(digest), lora_path: folder }, signal);
  } catch (error) {
    // 500 is vLLM's word for what it cannot load, a rank beyond its own for instance: no reason to eject it for all others.
    if (!(error instanceof ReplicaFailure) || (error.kind !== 'refused' && error.status !== 500)) throw error;
    // By another gateway: the same name is the same content.
    if (/already (been loaded|loaded|exists)/i.test(error.message)) return;
    throw new ReplicaFailure('adapter', error.message, { cause: error });
  }
}

export async function unloadByName(server: Server, path: string, digest: string, signal: AbortSignal): Promise<void> {
  await server.call('POST', path, { lora_name: nameOf(digest) }, signal);
}
