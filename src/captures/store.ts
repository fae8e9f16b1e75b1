import type { Capture, CaptureInfo } from '../contracts/captures.js';
import type { AnswerMoment } from '../contracts/paging.js';
import { openSqlite } from '../sqlite/open.js';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS captures (
    answer_id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    deployment TEXT NOT NULL,
    adapter TEXT,
    created_at INTEGER NOT NULL,
    user_hash BLOB,
    redacted INTEGER NOT NULL,
    question TEXT NOT NULL,
    answer TEXT NOT NULL,
    passages TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS captures_by_age ON captures (tenant, created_at);
`;
const INFO = 'answer_id AS answerId, deployment, adapter, created_at AS createdAt, redacted';

export interface CaptureStore {
  add(tenant: string, capture: Capture, userHash: Uint8Array | null): void;
  list(tenant: string, page: { limit: number; before: AnswerMoment }): CaptureInfo[];
  find(tenant: string, answerId: string): Capture | null;
  remove(tenant: string, answerId: string): number;
  removeUser(tenant: string, userHash: Uint8Array): number;
  removeDocuments(tenant: string, fileIds: readonly string[]): number;
  /** Deletes what is older, and the oldest beyond a number. @param oldest milliseconds since the epoch */
  expire(tenant: string, limits: { oldest: number; most: number }): number;
  close(): void;
}

/** A database of its own, so that no backup of the registry holds texts; each deletion is off the disk when it returns. */
export function openCaptureStore(file: string): CaptureStore {
  const db = openSqlite(file);
  // Nobody is told that a text was kept: the last ones may be lost with the machine, and no answer waits for a disk.
  db.pragma('synchronous = NORMAL');
  db.exec(SCHEMA);
  const remove = (where: string, ...values: unknown[]): number => {
    const { changes } = db.prepare(`DELETE FROM captures WHERE ${where}`).run(...values);
    if (changes > 0) db.pragma('wal_checkpoint(TRUNCATE)');
    return changes;
  };
  return {
    add(tenant, { answerId, deployment, adapter, createdAt, redacted, question, answer, passages }, userHash) {
      db.prepare('INSERT INTO captures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').run(
        answerId,
        tenant,
        deployment,
        adapter,
        createdAt,
        userHash,
        redacted,
        question,
        answer,
        JSON.stringify(passages),
      );
    },

    list: (tenant, { limit, before }) =>
      db
        .prepare(
          `SELECT ${INFO} FROM captures WHERE tenant = ? AND (created_at, answer_id) < (?, ?)
            ORDER BY created_at DESC, answer_id DESC LIMIT ?`,
        )
        .all(tenant, before.createdAt, before.answerId, limit) as CaptureInfo[],

    find(tenant, answerId) {
      const row = db
        .prepare(`SELECT ${INFO}, question, answer, passages FROM captures WHERE tenant = ? AND answer_id = ?`)
        .get(tenant, answerId) as (Omit<Capture, 'passages'> & { passages: string }) | undefined;
      return row === undefined ? null : { ...row, passages: JSON.parse(row.passages) };
    },

    remove: (tenant, answerId) => remove('tenant = ? AND answer_id = ?', tenant, answerId),

    removeUser: (tenant, userHash) => remove('tenant = ? AND user_hash = ?', tenant, userHash),

    removeDocuments: (tenant, fileIds) =>
      remove(
        `tenant = ? AND EXISTS (SELECT 1 FROM json_each(passages) p, json_each(?) file
          WHERE json_extract(p.value, '$.fileId') = file.value)`,
        tenant,
        JSON.stringify(fileIds),
      ),

    expire: (tenant, { oldest, most }) =>
      remove('tenant = ? AND created_at < ?', tenant, oldest) +
      remove(
        `answer_id IN (SELECT answer_id FROM captures WHERE tenant = ? ORDER BY created_at DESC LIMIT -1 OFFSET ?)`,
        tenant,
        most,
      ),

    close: () => void db.close(),
  };
}
