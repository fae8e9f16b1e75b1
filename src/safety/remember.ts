import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** Some 6 MB of vectors: passages that are found often are not looked at again, nor what was said earlier in a conversation. */
const MAX_KEPT = 4096;

/** What a model says of each text. */
export type LookAt<T> = (tenant: string, texts: readonly string[], signal: AbortSignal) => Promise<readonly T[]>;
export type Embed = LookAt<Float32Array>;

/** Asks only of texts that were not asked of for the same tenant lately. */
export function remembering<T extends object>(look: LookAt<T>): LookAt<T> {
  const kept = new LRUCache<string, T>({ max: MAX_KEPT });
  const keyOf = (tenant: string, text: string) => createHash('sha256').update(`${tenant}\n${text}`).digest('base64');
  return async (tenant, texts, signal) => {
    const keys = texts.map((text) => keyOf(tenant, text));
    const missing = [...new Set(texts.filter((_, i) => !kept.has(keys[i]!)))];
    const made = missing.length === 0 ? [] : await look(tenant, missing, signal);
    const fresh = new Map(missing.map((text, i) => [keyOf(tenant, text), made[i]!]));
    const said = keys.map((key) => fresh.get(key) ?? kept.get(key)!);
    for (const [i, key] of keys.entries()) kept.set(key, said[i]!);
    return said;
  };
}
