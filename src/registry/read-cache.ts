/** What every request reads, kept until something changes. */
export interface ReadCache {
  /**
   * With all that others changed until the event loop's turn began, or until `getNow` in it.
   * @param key tells what is read, and of whom
   */
  get<T>(key: string, read: () => Promise<T>): Promise<T>;
  /** With all that others changed until now: what a request begins with, so that it sees none of it older than itself. */
  getNow<T>(key: string, read: () => Promise<T>): Promise<T>;
  /** Something is being changed in this process: what was read before its transaction ends is read anew. */
  changed(): void;
}

/** Entries after which all are dropped: what is in use is soon there again. */
const MOST_ENTRIES = 20_000;

/**
 * Nothing in it outlives a change: those of this process say so in their transaction (most are lines of the audit log), which
 * reads of the one connection come before or after; those of other processes change the version that the database keeps.
 * @param outerVersion another number whenever somebody else has changed something
 */
export function createReadCache(outerVersion: () => number): ReadCache {
  const entries = new Map<string, unknown>();
  let version = outerVersion();
  let changes = 0;
  /** In this turn. To ask takes as long as to read a body, and a request looks four times (decision 0116). */
  let hasAsked = false;
  const endTurn = () => {
    hasAsked = false;
  };

  function dropStale(): void {
    if (!hasAsked) setImmediate(endTurn);
    hasAsked = true;
    const now = outerVersion();
    if (now !== version || entries.size >= MOST_ENTRIES) entries.clear();
    version = now;
  }

  async function get<T>(key: string, read: () => Promise<T>): Promise<T> {
    if (!hasAsked) dropStale();
    if (entries.has(key)) return entries.get(key) as T;
    const [readVersion, readChanges] = [version, changes];
    const value = await read();
    dropStale();
    if (version === readVersion && changes === readChanges && value !== null) entries.set(key, value);
    return value;
  }

  return {
    get,

    getNow(key, read) {
      dropStale();
      return get(key, read);
    },

    changed() {
      changes += 1;
      entries.clear();
    },
  };
}
