/** Models that the gateway fetches and imports behind its requests. Types only. */
import type { Job } from './jobs.js';

/** A known model, or one of the Hugging Face Hub. */
export interface WantedModel {
  /** Id of a known one, or `hub:owner/name[:file]`. */
  readonly model: string;
  /** What one of the Hub will be called; null: as its file. */
  readonly as: string | null;
}

export interface ModelImport
  extends WantedModel,
    Pick<
      Job,
      'id' | 'status' | 'attempts' | 'progress' | 'error' | 'createdAt' | 'startedAt' | 'finishedAt' | 'leftMs'
    > {
  /** What is done now, and from where; null: nothing is, or it was before the last start. */
  readonly detail: string | null;
  /** Of the download; null likewise. */
  readonly bytes: { readonly done: number; readonly total: number } | null;
}

/** One that is there. */
interface KnownModel {
  readonly id: string;
  readonly kind: 'base' | 'embedder' | 'ner';
  readonly isImported: boolean;
  /** Of its files. */
  readonly bytes: number;
  /** By this gateway, since its start. */
  readonly isInUse: boolean;
}

/** One at a time. What was imported is there for the next start that names it in the configuration; those in use stay as they are. */
export interface ModelImports {
  /** All that are known or imported. */
  models(): Promise<readonly KnownModel[]>;
  /**
   * Durable when it resolves; the same one twice is begun once, unless the first is over.
   * @throws AppError `invalid_value`, also where several gateways share the registry: each has a data folder of its own
   */
  start(wanted: WantedModel): Promise<ModelImport>;
  get(id: string): Promise<ModelImport>;
  /** The newest first. */
  list(): Promise<readonly ModelImport[]>;
  /** Calls it off; one that is over stays as it is. What was downloaded stays, and need not be again. */
  cancel(id: string): Promise<ModelImport>;
}
