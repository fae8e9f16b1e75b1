/** What every request reads, kept until something changes. */
export interface ReadCache {
  /** @param key tells what is read, and of whom */
  get<T>(key: string, read: () => Promise<T>): Promise<T>;
  /** Something is being changed in this process: what was read before its transaction ends is read anew. */
  changed(): void;
}

/** Entries after which all are dropped: what is in use is soon there again. */
const MOST_ENTRIES = 20_000;

/**
 * Nothing in it outlives a change: those of this process say so in their transaction (most are lines of the audit log), which
 * reads of the one connection come before or after; those of other processes change the version that SQLite keeps.
 * @param outerVersion `PRAGMA data_version`: another number whenever another connection has committed
 */
export function createReadCache(outerVersion: () => number): ReadCache {
  const entries = new Map<string, unknown>();
  let version = outerVersion();
  let changes = 0;

  function dropStale(): void {
    const now = outerVersion();
    if (now !== version || entries.size >= MOST_ENTRIES) entries.clear();
    version = now;
  }

  return {
    async get<T>(key: string, read: () => Promise<T>): Promise<T> {
      dropStale();
      if (entries.has(key)) return entries.get(key) as T;
      const [readVersion, readChanges] = [version, changes];
      const value = await read();
      dropStale();
      if (version === readVersion && changes === readChanges && value !== null) entries.set(key, value);
      return value;
    },

    changed() {
      changes += 1;
      entries.clear();
    },
  };
}
