/** What a tenant's documents must be, whatever a process was killed in: changes, and which of them were acknowledged. */
import type { Retrieval } from '../../src/contracts/retrieval.js';
import type { AppError } from '../../src/errors/app-error.js';

export const TENANT = 'bank';
const PATHS = 16;
const SECTIONS = 3;
const POLL_MS = 5;

export interface Version {
  readonly fileId: string;
  /** Stands in every passage of it, and nowhere else. */
  readonly token: string;
}

/** What may be found under a path: more than one where nobody knows whether the last change came through. Null: nothing. */
export type Allowed = readonly (Version | null)[];

export class Documents {
  readonly storeId: string;
  readonly #random: () => number;
  readonly allowed = new Map<string, Allowed>();
  /** What was deleted or replaced for good. */
  readonly gone = new Set<string>();
  readonly #prefix: string;
  #versions = 0;

  constructor(storeId: string, prefix: string, random: () => number) {
    this.storeId = storeId;
    this.#prefix = prefix;
    this.#random = random;
  }

  /** One change after the other until the process is gone. @returns how many were acknowledged */
  async change(retrieval: Retrieval): Promise<number> {
    for (let changes = 0; ; changes++) {
      try {
        await this.#changeOne(retrieval);
      } catch (error) {
        // By its code: the process that is asked may have been built, and have a class of its own.
        if ((error as Partial<AppError>).code === 'retrieval_unavailable') return changes;
        throw error;
      }
    }
  }

  async #changeOne(retrieval: Retrieval): Promise<void> {
    const path = `${this.#prefix}${Math.floor(this.#random() * PATHS)}.md`;
    const allowed = this.allowed.get(path) ?? [null];
    const [only] = allowed;
    const what = this.#random();
    if (what < 0.5 || allowed.length > 1 || !only) await this.#put(retrieval, path, allowed);
    else await this.#remove(retrieval, path, only, what < 0.85 ? 'delete' : 'purge');
  }

  async #put(retrieval: Retrieval, path: string, before: Allowed): Promise<void> {
    const token = `${this.#prefix}token${String(this.#versions++).padStart(6, '0')}`;
    const sections = Array.from({ length: SECTIONS }, (_, n) => `## Rule ${n}\n\nRule ${n} of ${path} says ${token}.`);
    const content = Buffer.from([`# ${path}`, ...sections].join('\n\n'));
    const { id: fileId } = await retrieval.createFile(TENANT, { filename: path, purpose: 'assistants', content });
    const version = { fileId, token };
    this.allowed.set(path, [...before, version]);
    await retrieval.attachFile(TENANT, this.storeId, { fileId, attributes: {}, path });
    this.allowed.set(path, [version]);
    // Some are read before the next change, and some are not.
    if (this.#random() < 0.5) await this.#untilRead(retrieval, fileId);
  }

  async #remove(retrieval: Retrieval, path: string, version: Version, how: 'delete' | 'purge'): Promise<void> {
    // What it takes the place of goes when it is read.
    await this.#untilRead(retrieval, version.fileId);
    this.allowed.set(path, [version, null]);
    if (how === 'delete') await retrieval.deleteFile(TENANT, version.fileId);
    else await retrieval.purgeFiles(TENANT, [version.fileId]);
    this.allowed.set(path, [null]);
    this.gone.add(version.token);
  }

  async #untilRead(retrieval: Retrieval, fileId: string): Promise<void> {
    while ((await retrieval.getStoreFile(TENANT, this.storeId, fileId)).status === 'in_progress') {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}
