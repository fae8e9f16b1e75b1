import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * What goes along with a job, however it waits, without being a parameter of all that it passes through. Before Node 24 every promise of
 * the process costs more while such a storage is in use, so one that no job is in is put out of use (decision 0086).
 */
export class Ambient<T> {
  readonly #storage = new AsyncLocalStorage<T>();
  #jobs = 0;

  /** All that goes on until `job` settles finds `value`; what outlives it may find nothing. */
  async run<R>(value: T, job: () => PromiseLike<R>): Promise<R> {
    this.#jobs++;
    try {
      // A job may begin only once somebody waits for it, as what the framework injects does; which must be in here.
      return await this.#storage.run(value, async () => job());
    } finally {
      this.#jobs--;
      if (this.#jobs === 0) this.#storage.disable();
    }
  }

  get(): T | undefined {
    return this.#storage.getStore();
  }
}
