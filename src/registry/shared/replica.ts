import type { Clock } from '../../contracts/clock.js';
import type { SharingStatus } from '../../contracts/registry.js';
import { oneBehind } from '../../queues/one-behind.js';
import type { OpenDatabase } from '../database.js';
import { makeAnew } from './anew.js';
import { type Apply, createApply } from './apply.js';
import { type Capture, createCapture } from './capture.js';
import { type Change, Kind, type Table } from './changes.js';
import { collectSharedFiles } from './files.js';
import { giveUp, readLocal, setPosition } from './local.js';
import { appendEntry, type Entry, entriesAfter, trimLog } from './log.js';
import { changesOf, emptyOutbox, readOutbox, type Sender, sendRecords } from './outbox.js';
import { CHANNEL } from './schema.js';
import { type SharedServer, unavailable } from './server.js';

/** What a transaction was decided by was changed by another gateway before: it is undone here, and is to be done again. */
export class Conflict extends Error {}

export interface ReplicaOptions {
  readonly database: OpenDatabase;
  readonly server: SharedServer;
  readonly tables: readonly Table[];
  /** Names the tables as they are here. */
  readonly shape: string;
  readonly clock: Clock;
  /** Told of tables in which others changed something, before the change is seen. */
  readonly onChanged: (tables: ReadonlySet<string>) => void;
  readonly onError: (error: unknown, what: string) => void;
}

const POLL_MS = 500;
const TRIM_EVERY_MS = 3_600_000;
const KEPT_HOURS = 24;
/** Records that a change may have to take along. */
const MOST_BEFORE = 2000;
const NOT_CONTINUED =
  'what this gateway knows does not go on there: it was away for too long, or the database was put back to an earlier state. It reads all of it anew';
const DAMAGED = 'its copy in this gateway is damaged. It is made anew';

/**
 * A file of SQLite that holds what the log in PostgreSQL came to up to its position, and besides only records of its own that are on their
 * way there. A change is in the log before it is committed here, in the same transaction: what is undone leaves no trace, and what nobody
 * knows the end of arrives with the log.
 */
export class Replica {
  readonly #options: ReplicaOptions;
  readonly #capture: Capture;
  readonly #apply: Apply;
  readonly #sender: Sender;
  #currentAtMs: number;
  #trimmedAtMs: number;
  #broken: string | null = null;
  /** How often it was made anew: what was asked for before is of no use to it. */
  #renewals = 0;
  #reason: string | null = null;
  readonly #catchingUp = oneBehind(() => this.#fetch());
  /** What a replica that is no good any more is made anew by, too. */
  readonly #sending = oneBehind(async () => {
    await sendRecords(this.#options.database, this.#options.server, this.#sender);
    if (this.#broken !== null) await this.#renew();
  });
  #polling: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: ReplicaOptions) {
    const { database, tables, shape, clock } = options;
    const { registry, origin } = readLocal(database.raw)!;
    this.#options = options;
    this.#sender = { registry, origin, tables: shape };
    this.#currentAtMs = clock.monotonicMs();
    this.#trimmedAtMs = this.#currentAtMs;
    this.#apply = createApply(database.raw, tables);
    this.#capture = createCapture(database.raw, tables);
    database.onCommit({ before: () => this.#beforeCommit(), behind: () => this.send() });
  }

  /** Follows the log from now on. */
  start(): void {
    this.#options.server.listen(CHANNEL, () => void this.catchUp().catch((error) => this.#lose(error)));
    this.#poll();
  }

  status(): SharingStatus {
    const { server, clock } = this.#options;
    return { trouble: this.#broken ?? server.trouble, behindMs: clock.monotonicMs() - this.#currentAtMs };
  }

  /** Resolves when all is here that was in the log when this was called. */
  catchUp(): Promise<void> {
    return this.#catchingUp.run();
  }

  /** Sends the records that wait, behind whoever made them. */
  send(): void {
    this.#sending.run().catch((error) => this.#lose(error));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#polling;
    await this.#sending.run().catch((error) => this.#lose(error));
    await this.#catchingUp.settled();
    await this.#options.server.close();
  }

  /** @throws Conflict, AppError `registry_unavailable` */
  async #beforeCommit(): Promise<void> {
    if (!this.#capture.wasWritten()) return;
    const { server, database } = this.#options;
    const rows = readOutbox(database.raw, MOST_BEFORE + 1);
    const kind = Math.max(Kind.record, ...rows.map((row) => (row.change === null ? Kind.record : row.kind)));
    if (kind === Kind.record) {
      setImmediate(() => this.send());
      return;
    }
    if (this.#broken !== null) throw unavailable(this.#broken);
    if (rows.length > MOST_BEFORE) throw unavailable('it was away, and has to get first what was recorded meanwhile');
    const known = readLocal(database.raw)!;
    const isChecked = kind === Kind.checked;
    const added = await appendEntry(server, {
      ...this.#sender,
      ...{ known, isChecked, isUrgent: true, changes: changesOf(rows) },
    });
    if (added === null) throw new Conflict('another gateway was faster');
    this.#applyEntries(added.missed);
    emptyOutbox(database.raw, rows.at(-1)!.n);
    setPosition(database.raw, added);
  }

  async #fetch(): Promise<void> {
    const { server, database, clock } = this.#options;
    for (;;) {
      const askedAtMs = clock.monotonicMs();
      const renewals = this.#renewals;
      const known = await database.alone(() => readLocal(database.raw)!);
      const entries = await entriesAfter(server, known);
      if (renewals !== this.#renewals) continue;
      if (entries === null) return this.#break(NOT_CONTINUED);
      if (entries.length === 0) {
        this.#currentAtMs = askedAtMs;
        return;
      }
      await database.alone(() => {
        if (renewals !== this.#renewals) return;
        this.#applyEntries(entries);
        const { seq, mark } = entries.at(-1)!;
        setPosition(database.raw, { position: seq, mark });
      });
    }
  }

  /** Those that are not here yet; within a transaction. */
  #applyEntries(entries: readonly Entry[]): void {
    const { database, onChanged } = this.#options;
    const position = readLocal(database.raw)!.position;
    const missing = entries.filter(({ seq }) => seq > position);
    if (missing.length > 0 && missing[0]!.seq !== position + 1) this.#break(NOT_CONTINUED);
    const changed = new Set<string>();
    this.#capture.without(() => {
      for (const { origin, changes } of missing) {
        for (const change of changes) {
          // It was here first.
          if (origin === this.#sender.origin && change.n !== undefined) continue;
          this.#applyOne(change);
          if (change.n === undefined) changed.add(change.t);
        }
      }
    });
    if (changed.size > 0) onChanged(changed);
  }

  #applyOne(change: Change): void {
    try {
      this.#apply(change);
    } catch (error) {
      const { database, onError } = this.#options;
      onError(error, `a change of ${change.t} does not fit`);
      // Behind the transaction that is undone now.
      database.alone(() => giveUp(database.raw)).catch((failed) => this.#lose(failed));
      this.#break(DAMAGED);
    }
  }

  /** What is here is another thing than what the log came to, or will be: nothing is changed by it, until it is made anew. */
  #break(reason: string): never {
    this.#broken = reason;
    throw unavailable(reason);
  }

  async #renew(): Promise<void> {
    const { tables, onChanged } = this.#options;
    await makeAnew({ ...this.#options, apply: this.#apply, capture: this.#capture });
    this.#broken = null;
    this.#renewals += 1;
    onChanged(new Set(tables.map(({ name }) => name)));
  }

  #poll(): void {
    this.#polling = this.#look().catch((error) => this.#lose(error));
    void this.#polling.then(() => {
      if (!this.#isClosed) this.#timer = setTimeout(() => this.#poll(), POLL_MS).unref();
    });
  }

  async #look(): Promise<void> {
    const { server, clock } = this.#options;
    await server.reconnect();
    if (this.#broken === null) await this.catchUp();
    await this.#sending.run();
    this.#reason = null;
    if (clock.monotonicMs() - this.#trimmedAtMs < TRIM_EVERY_MS) return;
    this.#trimmedAtMs = clock.monotonicMs();
    await trimLog(server, KEPT_HOURS);
    await collectSharedFiles(server);
  }

  /** Says it once, however often it is tried again. */
  #lose(error: unknown): void {
    const { message } = error as Error;
    if (message !== this.#reason) this.#options.onError(error, 'the shared registry');
    this.#reason = message;
  }
}
