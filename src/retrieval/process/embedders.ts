import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { EmbedderManifest } from '../../contracts/model-manifest.js';
import type { EmbedderMemory } from '../../contracts/retrieval.js';
import { AppError } from '../../errors/app-error.js';
import { readEmbedderManifest } from '../../layouts/manifest.js';
import type { EmbedderModel, EmbedderModels } from '../stores/embedder-models.js';
import { digestOf, type Embedder, loadEmbedder } from './embedder.js';

/** The embedding models of this gateway: its own is loaded, each other with its first use, and stays. */
export interface Embedders extends EmbedderModels {
  readonly own: Embedder;
  /** @param digest of one that is imported @throws AppError `model_unavailable` */
  load(digest: string): Promise<Embedder>;
  /** Of those that are offered or loaded. */
  memory(): readonly EmbedderMemory[];
}

export interface EmbeddersOptions {
  /** Where models are imported. */
  readonly folder: string;
  /** Id of the gateway's own. */
  readonly standard: string;
  /** Ids of those that stores may name besides it; one that is not imported is left out. */
  readonly further: readonly string[];
  readonly threads: number;
}

interface Imported extends EmbedderModel {
  readonly folder: string;
  readonly manifest: EmbedderManifest;
  /** Of what stays in memory. */
  readonly bytes: number;
}

/** @throws AppError `model_unavailable` where the gateway's own cannot be loaded */
export async function openEmbedders({ folder, standard, further, threads }: EmbeddersOptions): Promise<Embedders> {
  const own = await describe(folder, standard);
  // What the configuration names comes first: of copies of a model under several names it is the one that counts.
  const ids = new Set([...further, ...(await readdir(folder))]);
  ids.delete(standard);
  const imported = [own];
  for (const id of ids) {
    const other = await describe(folder, id).catch(() => null);
    if (other) imported.push(other);
  }
  const byDigest = new Map(imported.toReversed().map((model) => [model.digest, model]));
  const loading = new Map<string, Promise<Embedder>>();
  const load = async (digest: string): Promise<Embedder> => {
    const model = byDigest.get(digest);
    if (!model) {
      const reason = 'it is not imported here any more; import it again, or wait until its stores have other vectors';
      throw new AppError('model_unavailable', { model: 'of a vector store', reason });
    }
    const known = loading.get(digest);
    if (known) return known;
    const fresh = loadEmbedder(model.folder, model.manifest, threads).catch((cause) => {
      loading.delete(digest);
      throw new AppError('model_unavailable', { model: model.id, reason: (cause as Error).message }, { cause });
    });
    loading.set(digest, fresh);
    return fresh;
  };
  const offered = imported.filter(({ id }) => id === standard || further.includes(id));
  return {
    standard: own,
    offered,
    imported: [...byDigest.values()].toReversed(),
    own: await load(own.digest),
    load,
    memory: () =>
      imported
        .filter((model) => loading.has(model.digest) || offered.includes(model))
        .map(({ id, digest, bytes }) => ({ id, bytes: loading.has(digest) ? bytes : 0 })),
  };
}

async function describe(models: string, id: string): Promise<Imported> {
  const folder = join(models, id);
  const manifest = await readEmbedderManifest(folder);
  const file = manifest.encoder?.file ?? manifest.graph.file;
  const { size } = await stat(join(folder, file));
  return { id, digest: digestOf(manifest), dimensions: manifest.dimensions, folder, manifest, bytes: size };
}
