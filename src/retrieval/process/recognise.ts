import { basename } from 'node:path';
import type { Retrieval } from '../../contracts/retrieval.js';
import { AppError } from '../../errors/app-error.js';
import { readNerManifest } from '../../layouts/manifest.js';
import type { WorkQueue } from './queue.js';
import type { Recogniser } from './recogniser.js';

export type Recognise = Retrieval['recognise'];

const LANE = { ahead: 'embed', behind: 'background' } as const;

/**
 * Loads the model with the first text that is looked at: who asks for no names pays for none.
 * @param folder of the model; null: none is configured, and whoever asks for names is told so
 * @throws AppError `model_unavailable` where it is not imported
 */
export async function createRecognise(folder: string | null, threads: number, queue: WorkQueue): Promise<Recognise> {
  if (folder === null) {
    // Of a store that masked names when there was one: rather no passage than one with names.
    return async () => {
      throw new AppError('model_unavailable', { model: 'of names', reason: 'none is configured; set models.ner' });
    };
  }
  const manifest = await readNerManifest(folder);
  let loading: Promise<Recogniser> | null = null;
  const load = async () => {
    try {
      // onnxruntime alone is 46 MB.
      const { loadRecogniser } = await import('./recogniser.js');
      return await loadRecogniser(folder, manifest, threads);
    } catch (error) {
      loading = null;
      const { message: reason } = error as Error;
      throw new AppError('model_unavailable', { model: basename(folder), reason }, { cause: error });
    }
  };
  return async (tenant, texts, precedence, signal) => {
    loading ??= load();
    const recogniser = await loading;
    const found = [];
    for (const text of texts) {
      found.push(await recogniser.entities(text, (job) => queue.run(LANE[precedence], tenant, job, signal)));
    }
    return found;
  };
}
