/** Takes what was deleted off the disk, a little later: many deletions are done with at once. */
export interface Compaction {
  /** Something of the tenant's was deleted. */
  note(tenant: string): void;
  stop(): void;
}

interface CompactionOptions {
  readonly delayMs: number;
  readonly compact: (tenant: string) => Promise<void>;
  readonly onError: (error: unknown, what: string) => void;
}

export function createCompaction({ delayMs, compact, onError }: CompactionOptions): Compaction {
  const tenants = new Set<string>();
  let timer: NodeJS.Timeout | undefined;

  const run = async () => {
    for (const tenant of tenants) {
      await compact(tenant);
      tenants.delete(tenant);
    }
  };
  const later = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      run().catch((error) => {
        onError(error, 'what was deleted is not off the disk yet; it is tried again');
        later();
      });
    }, delayMs).unref();
  };

  return {
    note(tenant) {
      tenants.add(tenant);
      later();
    },
    stop: () => clearTimeout(timer),
  };
}
