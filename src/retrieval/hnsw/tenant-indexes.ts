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
  index: HnswIndex;
  /** Set while rows are being added. */
  advancing: Promise<void> | null;
  /** Rows added and removed since it was written. */
  unsaved: number;
}

export interface TenantIndexesOptions {
  readonly folder: string;
  readonly databaseId: string;
  readonly params: HnswParams;
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
 * The open HNSW indexes, one a tenant. Each is a cache over the rows: it names candidates, and the caller looks at
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

  /** Labels of up to `count` passages near the vector, among those up to `lastLabel`. */
  async nominate(
    tenant: string,
    vector: Float32Array,
    count: number,
  ): Promise<{ labels: number[]; lastLabel: number }> {
    const { index } = await this.#open(tenant);
    return { labels: index.search(vector, count), lastLabel: index.lastLabel };
  }

  /** The tenant has new rows: its index is brought up to them in the background. */
  grown(tenant: string): void {
    const advance = async () => {
      const isWanted = (await this.#options.passages.count({ tenant })) > this.#options.exactSearchLimit;
      if (isWanted) await this.#advance(await this.#open(tenant));
    };
    advance().catch((error) => this.#options.onError(error, 'an index could not be built'));
  }

  /** The rows are gone already; takes them out of the index, where it is open. */
  removed(tenant: string, labels: readonly number[]): void {
    const entry = this.#entries.get(tenant);
    if (!entry || labels.length === 0) return;
    entry.index.remove(labels);
    entry.unsaved += labels.length;
    if (entry.index.deletedCount > Math.max(MIN_DELETED_TO_REBUILD, entry.index.liveCount)) {
      entry.index = HnswIndex.create(this.#options.params, entry.index.liveCount);
      this.grown(tenant);
    }
  }

  /** Leaves nothing on the disk of vectors whose rows are gone: an index that holds some is built anew. */
  async purge(tenant: string): Promise<void> {
    const { folder, params, passages, exactSearchLimit } = this.#options;
    const file = join(folder, tenantFileName(tenant));
    removeLeftovers(file);
    if (!this.#entries.has(tenant) && !isRegularFile(file)) return;
    const entry = await this.#open(tenant);
    await entry.advancing;
    const isStale = entry.index.deletedCount > 0;
    const isWanted = (await passages.count({ tenant })) > exactSearchLimit;
    if (isStale) entry.index = HnswIndex.create(params, entry.index.liveCount);
    if (isStale || !isWanted) removeIndex(file);
    if (isStale) await this.#advance(entry);
    if (isWanted) this.#save(entry);
    else this.#entries.delete(tenant);
  }

  /** Writes what changed. */
  close(): void {
    this.#isClosed = true;
    for (const entry of this.#entries.values()) this.#save(entry);
    this.#entries.clear();
  }

  async #open(tenant: string): Promise<Entry> {
    const open = this.#entries.get(tenant);
    if (open) {
      this.#entries.delete(tenant);
      this.#entries.set(tenant, open);
      return open;
    }
    const { folder, databaseId, params, vectors } = this.#options;
    const source = { databaseId, lastLabel: await vectors.lastLabel() };
    const loaded = loadIndex(join(folder, tenantFileName(tenant)), source, params);
    if (loaded) loaded.retain(await vectors.labelsUpTo(tenant, loaded.lastLabel));
    // Another call may have opened it while this one read the rows.
    const raced = this.#entries.get(tenant);
    if (raced) return raced;
    const entry: Entry = { tenant, index: loaded ?? HnswIndex.create(params, 0), advancing: null, unsaved: 0 };
    this.#entries.set(tenant, entry);
    this.#evict();
    this.#advance(entry).catch((error) => this.#options.onError(error, 'an index could not be built'));
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
        const { index } = entry;
        const rows = await vectors.ofTenantAfter(entry.tenant, index.lastLabel, ADD_BATCH);
        for (const { label, embedding } of rows) index.add(label, embedding);
        entry.unsaved += rows.length;
        return rows.length;
      });
    }
    if (entry.unsaved > entry.index.liveCount * UNSAVED_SHARE) this.#save(entry);
    this.#evict();
    if (isRebuild && entry.index.lastLabel > 0) onRebuilt(clock.monotonicMs() - startedAt);
  }

  #save(entry: Entry): void {
    if (entry.unsaved === 0 || entry.index.liveCount === 0) return;
    const { folder, databaseId, params, onError } = this.#options;
    try {
      const file = join(folder, tenantFileName(entry.tenant));
      saveIndex(entry.index, file, databaseId, params);
      entry.unsaved = 0;
    } catch (error) {
      onError(error, 'an index could not be written; it is built from the rows at the next start');
    }
  }

  #evict(): void {
    const bytes = () => [...this.#entries.values()].reduce((sum, entry) => sum + entry.index.bytes, 0);
    for (const [tenant, entry] of this.#entries) {
      if (this.#entries.size === 1 || bytes() <= this.#options.memoryBytes) return;
      if (entry.advancing) continue;
      this.#save(entry);
      this.#entries.delete(tenant);
    }
  }
}
