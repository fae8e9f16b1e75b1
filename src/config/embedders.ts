import type { Config } from './schema.js';

/** Ids of the embedding models that vector stores may name besides the gateway's own. */
export function furtherEmbedders({ embedder, embedders }: Config['models']): string[] {
  const ids = embedders.split(',').map((id) => id.trim());
  return [...new Set(ids)].filter((id) => id !== '' && id !== embedder);
}
