import { join } from 'node:path';
import type { Clock } from '../../contracts/clock.js';
import { isRegularFile } from '../../files/regular-file.js';
import type { Passages } from '../stores/passages.js';
import type { Vectors } from '../stores/vectors.js';
import { HnswIndex, type HnswParams } from './hnsw-index.js';
import { loadIndex, removeIndex, removeLeftovers, saveIndex } from './index-file.js';
import { tenantFileName } from './tenant-file-name.js';

interface Entry {
  readonly tenant: string;
  /** Key of the model whose vectors it holds. */
  readonly embedder: number;
  index: HnswIndex;
  /** Set while rows are being added. */
  advancing: Promise<void> | null;
  /** Rows added and removed since it was written. */
  unsaved: number;
}

export interface TenantIndexesOptions {
  readonly folder: string;
  readonly databaseId: string;
  /** A model's vectors have dimensions of their own. */
  readonly params: Omit<HnswParams, 'dimensions'>;
  /** Tenants with fewer passages need no index. */
  readonly exactSearchLimit: number;
  /** The least recently used indexes are written and closed beyond it. */
  readonly memoryBytes: number;
  readonly passages: Pick<Passages, 'count'>;
  readonly vectors: Vectors;
  readonly clock: Clock;
  /** Runs a short job when nothing more urgent waits. */
  readonly inBackground: <T>(tenant: string, job: () => Promise<T>) => Promise<T>;
  readonly onRebuilt: (durationMs: number) => void;
  readonly onError: (error: unknown, what: string) => void;
}

/** Rows added in one job: about 15 ms, for which a search may have to wait. */
const ADD_BATCH = 16;
/** An index with more deleted than live elements is built anew, since searches walk through the deleted ones. */
const MIN_DELETED_TO_REBUILD = 1000;
/** An older file on the disk only lacks its last rows, so it is written when that share of them is missing, and at the end. */
const UNSAVED_SHARE = 0.1;

/**
 * The open HNSW indexes, one a tenant and model; what they call labels are keys of vectors. Each is a cache over the rows: it names candidates, and the caller looks at
 * the rows. An index may lag behind them; `lastLabel` says how far it is, so that the rest is compared one by one.
 */
export class TenantIndexes {
  readonly #options: TenantIndexesOptions;
  /** In order of use. */
  readonly #entries = new Map<string, Entry>();
  #isClosed = false;

  constructor(options: TenantIndexesOptions) {
    this.#options = options;
  }

  /** Keys of up to `count` vectors near this one, among those up to `lastKey`. */
  async nominate(
    tenant: string,
    embedder: number,
    vector: Float32Array,
    count: number,
  ): Promise<{ keys: number[]; lastKey: number }> {
    const { index } = await this.#open(tenant, embedder);
    return { keys: index.search(vector, count), lastKey: index.lastLabel };
  }

  /** The tenant has new rows: its indexes are brought up to them in the background. */
  grown(tenant: string): void {
    const advance = async () => {
      for (const { seq } of await this.#options.vectors.embedders()) {
        if (await this.#isWanted(tenant, seq)) await this.#advance(await this.#open(tenant, seq));
      }
    };
    advance().catch((error) => this.#couldNotBuild(error));
  }

  /** The rows are gone already; takes them out of the indexes that are open. */
  removed(tenant: string, keys: readonly number[]): void {
    if (keys.length === 0) return;
    for (const entry of this.#entries.values()) {
      if (entry.tenant !== tenant) continue;
      const before = entry.index.deletedCount;
      entry.index.remove(keys);
      entry.unsaved += entry.index.deletedCount - before;
      if (entry.index.deletedCount > Math.max(MIN_DELETED_TO_REBUILD, entry.index.liveCount)) {
        entry.index = entry.index.emptied();
        this.grown(tenant);
      }
    }
  }

  /** Leaves nothing on the disk of vectors whose rows are gone: an index that holds some is built anew. */
  async purge(tenant: string): Promise<void> {
    for (const { seq } of await this.#options.vectors.embedders()) await this.#purge(tenant, seq);
  }

  /** Writes what changed. */
  close(): void {
    this.#isClosed = true;
    for (const entry of this.#entries.values()) this.#save(entry);
    this.#entries.clear();
  }

  async #purge(tenant: string, embedder: number): Promise<void> {
    const file = this.#fileOf(tenant, embedder);
    removeLeftovers(file);
    const key = keyOf(tenant, embedder);
    if (!this.#entries.has(key) && !isRegularFile(file)) return;
    const entry = await this.#open(tenant, embedder);
    await entry.advancing;
    const isStale = entry.index.deletedCount > 0;
    const isWanted = await this.#isWanted(tenant, embedder);
    if (isStale) entry.index = entry.index.emptied();
    if (isStale || !isWanted) removeIndex(file);
    if (isStale) await this.#advance(entry);
    if (isWanted) this.#save(entry);
    else this.#entries.delete(key);
  }

  async #isWanted(tenant: string, embedder: number): Promise<boolean> {
    const { passages, exactSearchLimit } = this.#options;
    return (await passages.count({ tenant, embedder })) > exactSearchLimit;
  }

  #fileOf(tenant: string, embedder: number): string {
    return join(this.#options.folder, tenantFileName(tenant, embedder));
  }

  async #open(tenant: string, embedder: number): Promise<Entry> {
    const key = keyOf(tenant, embedder);
    const open = this.#entries.get(key);
    if (open) {
      this.#entries.delete(key);
      this.#entries.set(key, open);
      return open;
    }
    const { databaseId, vectors } = this.#options;
    const { dimensions } = (await vectors.embedders()).find(({ seq }) => seq === embedder)!;
    const params = { ...this.#options.params, dimensions };
    const source = { databaseId, lastLabel: await vectors.lastKey() };
    const loaded = loadIndex(this.#fileOf(tenant, embedder), source, params);
    if (loaded) loaded.retain(await vectors.keysUpTo(tenant, embedder, loaded.lastLabel));
    // Another call may have opened it while this one read the rows.
    const raced = this.#entries.get(key);
    if (raced) return raced;
    const index = loaded ?? HnswIndex.create(params, 0);
    const entry: Entry = { tenant, embedder, index, advancing: null, unsaved: 0 };
    this.#entries.set(key, entry);
    this.#evict();
    this.#advance(entry).catch((error) => this.#couldNotBuild(error));
    return entry;
  }

  #advance(entry: Entry): Promise<void> {
    entry.advancing ??= this.#addRows(entry).finally(() => {
      entry.advancing = null;
    });
    return entry.advancing;
  }

  /** Adds rows in label order, a batch at a time. */
  async #addRows(entry: Entry): Promise<void> {
    const { vectors, clock, inBackground, onRebuilt } = this.#options;
    const startedAt = clock.monotonicMs();
    const isRebuild = entry.index.lastLabel === 0;
    for (let added = 1; added > 0 && !this.#isClosed; ) {
      added = await inBackground(entry.tenant, async () => {
        // It may have waited for its turn until the database was closed.
        if (this.#isClosed) return 0;
        const { tenant, embedder, index } = entry;
        const rows = await vectors.ofTenantAfter(tenant, embedder, index.lastLabel, ADD_BATCH);
        for (const { key, embedding } of rows) index.add(key, embedding);
        entry.unsaved += rows.length;
        return rows.length;
      });
    }
    if (entry.unsaved > entry.index.liveCount * UNSAVED_SHARE) this.#save(entry);
    this.#evict();
    if (isRebuild && entry.index.lastLabel > 0) onRebuilt(clock.monotonicMs() - startedAt);
  }

  #couldNotBuild(error: unknown): void {
    // What was under way finds the database closed then, and the next start goes on with it.
    if (!this.#isClosed) this.#options.onError(error, 'an index could not be built');
  }

  #save(entry: Entry): void {
    if (entry.unsaved === 0 || entry.index.liveCount === 0) return;
    const { databaseId, onError } = this.#options;
    try {
      saveIndex(entry.index, this.#fileOf(entry.tenant, entry.embedder), databaseId);
      entry.unsaved = 0;
    } catch (error) {
      onError(error, 'an index could not be written; it is built from the rows at the next start');
    }
  }

  #evict(): void {
    const bytes = () => [...this.#entries.values()].reduce((sum, entry) => sum + entry.index.bytes, 0);
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size === 1 || bytes() <= this.#options.memoryBytes) return;
      if (entry.advancing) continue;
      this.#save(entry);
      this.#entries.delete(key);
    }
  }
}

function keyOf(tenant: string, embedder: number): string {
  return `${embedder}/${tenant}`;
}
