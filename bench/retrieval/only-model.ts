import type { EmbedderModels } from '../../src/retrieval/stores/embedder-models.js';

/** What a gateway has that has one embedding model. */
export function onlyModel(
  { digest, dimensions }: { readonly digest: string; readonly dimensions: number },
  id = digest,
): EmbedderModels {
  const standard = { id, digest, dimensions };
  return { standard, offered: [standard], imported: [standard] };
}
