import { setTimeout as sleep } from 'node:timers/promises';
import type SQLite from 'better-sqlite3';
import { sql } from 'kysely';
import type { FileOnDisk } from '../../contracts/retrieval.js';
import { AppError } from '../../errors/app-error.js';
import { giveBack } from '../../files/give-back.js';
import { storageTrouble } from '../../sqlite/storage-trouble.js';
import { BytesOfFile } from '../../sqlite/threaded.js';
import type { Db } from './database.js';

/** Written in half a millisecond. */
const PIECE_BYTES = 256 * 1024;
/** Between two of them, for whoever else wants the processor or the database; of a very large file shorter, so that it is written in time. */
const PAUSE_MS = 5;
const ALL_PAUSES_MS = 1000;

/**
 * Large files in SQLite: one piece after the other, each committed by itself, and then the row that they belong to. As one row a file of
 * 8 MB keeps a processor, and everybody else's writes, for 35 ms at once (decision 0120).
 */
export function createContents(db: Db) {
  /** Files whose row never came. */
  const abandoned = new Set<string>();

  const discard = async () => {
    if (abandoned.size === 0) return;
    const ids = [...abandoned];
    await db.deleteFrom('file_pieces').where('file_id', 'in', ids).execute();
    for (const id of ids) abandoned.delete(id);
  };

  return {
    /**
     * Writes the pieces of a file that nobody refers to yet, and then its row.
     * @param insertRow whose commit brings the pieces to the disk with it: they are before it in the same log
     */
    async write<T>(id: string, { path, bytes }: FileOnDisk, insertRow: () => Promise<T>): Promise<T> {
      await discard();
      const pieces = Math.ceil(bytes / PIECE_BYTES);
      const pauseMs = Math.min(PAUSE_MS, ALL_PAUSES_MS / pieces);
      try {
        for (let ordinal = 0; ordinal < pieces; ordinal++) {
          const from = ordinal * PIECE_BYTES;
          const content = new BytesOfFile(path, from, Math.min(PIECE_BYTES, bytes - from)) as unknown as Buffer;
          await db.connection().execute(async (connection) => {
            await sql`pragma synchronous = normal`.execute(connection);
            try {
              await connection.insertInto('file_pieces').values({ file_id: id, ordinal, content }).execute();
            } finally {
              await sql`pragma synchronous = full`.execute(connection);
            }
          });
          await sleep(pauseMs);
        }
        return await insertRow();
      } catch (error) {
        abandoned.add(id);
        // On a full disk it fails, too, and is done before the next file.
        await discard().catch(() => {});
        throw error;
      }
    },

    /** @throws AppError `not_found` where it was removed meanwhile */
    async read(id: string): Promise<Buffer> {
      const row = await db.selectFrom('files').select(['bytes', 'content']).where('id', '=', id).executeTakeFirst();
      if (!row) throw gone(id);
      if (row.content.length === row.bytes) return row.content;
      const pieces = await db
        .selectFrom('file_pieces')
        .select('content')
        .where('file_id', '=', id)
        .orderBy('ordinal')
        .execute();
      const contents = pieces.map(({ content }) => content);
      return joined(id, row.bytes, contents);
    },
  };
}

/**
 * Removes pieces of files whose row never came. Before anything is written: those of a file that is being written have none yet. On a full
 * disk they stay until the next start: that one may answer all the same.
 */
export async function removeAbandoned(db: Db): Promise<void> {
  // By an index, which the pieces themselves are not read for.
  const ids = await db
    .selectFrom('file_pieces')
    .select('file_id')
    .distinct()
    .where('file_id', 'not in', (eb) => eb.selectFrom('files').select('id'))
    .execute();
  try {
    for (const { file_id } of ids) await db.deleteFrom('file_pieces').where('file_id', '=', file_id).execute();
  } catch (error) {
    if (storageTrouble(error) === null) throw error;
  }
}

/** The same as `read`, on a connection of this thread. */
export function readContent(database: SQLite.Database, id: string): Buffer {
  const row = database
    .prepare<[string], { bytes: number; content: Buffer }>('select bytes, content from files where id = ?')
    .get(id);
  if (row === undefined) throw gone(id);
  if (row.content.length === row.bytes) return row.content;
  const pieces = database
    .prepare<[string], Buffer>('select content from file_pieces where file_id = ? order by ordinal')
    .pluck()
    .iterate(id);
  return joined(id, row.bytes, pieces as Iterable<Buffer>);
}

function joined(id: string, bytes: number, pieces: Iterable<Buffer>): Buffer {
  const content = Buffer.allocUnsafeSlow(bytes);
  let length = 0;
  for (const piece of pieces) {
    length += piece.copy(content, length);
    giveBack(piece);
  }
  if (length !== bytes) throw gone(id);
  return content;
}

const gone = (id: string) => new AppError('not_found', { what: 'File', id });
