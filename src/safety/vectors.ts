import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** Some 6 MB of vectors: passages that are found often are not embedded again. */
const MAX_KEPT = 4096;

export type Embed = (tenant: string, texts: readonly string[], signal: AbortSignal) => Promise<readonly Float32Array[]>;

/** Embeds what was not embedded for the same tenant lately. */
export function createVectors(embed: Embed): Embed {
  const kept = new LRUCache<string, Float32Array>({ max: MAX_KEPT });
  const keyOf = (tenant: string, text: string) => createHash('sha256').update(`${tenant}\n${text}`).digest('base64');
  return async (tenant, texts, signal) => {
    const keys = texts.map((text) => keyOf(tenant, text));
    const missing = [...new Set(texts.filter((_, i) => !kept.has(keys[i]!)))];
    const made = missing.length === 0 ? [] : await embed(tenant, missing, signal);
    const fresh = new Map(missing.map((text, i) => [keyOf(tenant, text), made[i]!]));
    const vectors = keys.map((key) => fresh.get(key) ?? kept.get(key)!);
    for (const [i, key] of keys.entries()) kept.set(key, vectors[i]!);
    return vectors;
  };
}
