import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../../src/config/schema.js';
import { CATALOG } from '../../src/model-import/catalog.js';
import { fetchFiles } from '../../src/model-import/sources/fetch-files.js';

/** The file that our model was imported from; what was downloaded once stays. */
export async function fetchModelFile({ dataDir, models }: Config, say: (line: string) => void): Promise<string> {
  const entry = CATALOG.find(({ id }) => id === models.base);
  if (!entry) throw new Error(`${models.base} is not in the catalog, so that peers cannot be given its file`);
  const folder = path.join(dataDir, 'downloads', entry.id);
  await mkdir(folder, { recursive: true });
  let last = '';
  await fetchFiles(entry, folder, models.sourceDir || null, new AbortController().signal, (detail) => {
    if (detail !== last) say(`${entry.weights}: ${(last = detail)}`);
  });
  return path.join(folder, entry.weights);
}
