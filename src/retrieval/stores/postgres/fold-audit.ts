import { storageTrouble } from '../../../sqlite/storage-trouble.js';
import type { AuditLogFile } from './audit-log-file.js';
import type { Outbox } from './audit-outbox.js';

export interface Folding {
  /** Makes a line of everything that waits. */
  fold(): Promise<void>;
  /** The last changes become lines, where the databases are there. */
  stop(): Promise<void>;
}

interface FoldingOptions {
  readonly outbox: Outbox;
  readonly log: AuditLogFile;
  /** Told of the first failure in a row. */
  readonly onError: (error: unknown, what: string) => void;
}

const FOLD_EVERY_MS = 1000;
const AT_ONCE = 200;

/**
 * Makes a line of the audit log of each row of the outbox, once. A line and the note that the row is one are one transaction;
 * the row is taken away afterwards. Whoever is killed in between finds the note, and takes the row away first.
 */
export function startFolding({ outbox, log, onError }: FoldingOptions): Folding {
  let running: Promise<void> = Promise.resolve();
  let failed = false;

  const foldAll = async (): Promise<void> => {
    for (;;) {
      const folded = await log.folded();
      if (folded.length > 0) {
        await outbox.remove(folded);
        await log.forget(folded);
      }
      const waiting = await outbox.waiting(AT_ONCE);
      if (waiting.length === 0) return;
      await log.append(waiting);
    }
  };
  const fold = (): Promise<void> => {
    const next = running.then(foldAll);
    running = next.catch(() => {});
    return next;
  };
  const tick = () =>
    fold().then(
      () => {
        failed = false;
      },
      (error) => {
        // A server that is away is said elsewhere; what waits in it waits.
        if (!failed && storageTrouble(error) === null) onError(error, 'writing the audit log of documents');
        failed = true;
      },
    );
  let ticking: NodeJS.Timeout | null = null;
  const again = () => {
    ticking = setTimeout(() => void tick().then(() => ticking && again()), FOLD_EVERY_MS);
  };
  again();

  return {
    fold,
    async stop() {
      if (ticking) clearTimeout(ticking);
      ticking = null;
      await tick();
    },
  };
}
