import { webcrypto } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { appendFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../files/make-folder.js';
import { INCOMING, type SharedFiles } from '../adapter-files.js';
import type { Row } from './log.js';
import { SCHEMA } from './schema.js';
import { type SharedServer, unavailable } from './server.js';

interface Part {
  readonly name: string;
  readonly part: number;
  readonly bytes: Buffer;
  /** Of the part, hex. */
  readonly sha256: string;
}

const PART_BYTES = 8 * 1024 * 1024;

/** Compiled adapters in PostgreSQL: each is put there before a version names it, and fetched once by whoever needs it. */
export function createSharedFiles(dataDir: string, server: SharedServer): SharedFiles {
  const underWay = new Map<string, Promise<void>>();

  async function fetch(folder: string): Promise<void> {
    const target = join(dataDir, folder);
    if (await isThere(target)) return;
    // Beside it: the folder of adapters may be a disk of its own, across which nothing can be renamed.
    const incoming = target + INCOMING;
    await rm(incoming, { recursive: true, force: true });
    await makeFolder(incoming, 0o700);
    let parts = 0;
    for await (const { name, bytes, sha256 } of read(folder)) {
      if ((await sha256Of(bytes)) !== sha256) throw unavailable(`${name} of an adapter is damaged there`);
      await appendFile(join(incoming, name), bytes, { mode: 0o600, flush: true });
      parts += 1;
    }
    if (parts === 0) throw unavailable('the files of an adapter are missing there');
    await rename(incoming, target);
  }

  /** One after the other: an adapter may be larger than the memory. A part never changes. */
  async function* read(folder: string): AsyncGenerator<Part> {
    const list = `select name, part from ${SCHEMA}.files where folder = $1 order by name, part`;
    const one = `select name, part, bytes, sha256 from ${SCHEMA}.files where folder = $1 and name = $2 and part = $3`;
    const { rows } = await server.query<Pick<Part, 'name' | 'part'>>(list, [folder]);
    for (const { name, part } of rows) yield* (await server.query<Part>(one, [folder, name, part])).rows;
  }

  return {
    async put(folder) {
      // It stays for another hour then, whether a version names it or not.
      const kept = await server.query(`update ${SCHEMA}.files set at = now() where folder = $1`, [folder]);
      if (kept.rowCount !== 0) return;
      const insert = `insert into ${SCHEMA}.files (folder, name, part, bytes, sha256) values ($1, $2, $3, $4, $5) on conflict do nothing`;
      await server.bulk(async (client) => {
        for await (const { name, part, bytes, sha256 } of partsOf(join(dataDir, folder))) {
          await client.query(insert, [folder, name, part, bytes, sha256]);
        }
      });
    },

    get(folder) {
      const fetching = underWay.get(folder) ?? fetch(folder).finally(() => underWay.delete(folder));
      underWay.set(folder, fetching);
      return fetching;
    },
  };
}

/** What the files of adapters come to, part by part, as rows of one table: here, */
export async function* fileRows(dataDir: string, folders: readonly string[]): AsyncGenerator<Row> {
  for (const folder of folders) {
    for await (const { name, part, sha256 } of partsOf(join(dataDir, folder))) yield toRow(folder, name, part, sha256);
  }
}

/** and in PostgreSQL, by its own reckoning. */
export async function sharedFileRows(server: SharedServer, folders: readonly string[]): Promise<Row[]> {
  const sql = `select folder, name, part, encode(sha256(bytes), 'hex') as sha256 from ${SCHEMA}.files where folder = any($1)`;
  type Found = Omit<Part, 'bytes'> & { folder: string };
  const { rows } = await server.bulk((client) => client.query<Found>(sql, [folders]));
  return rows.map(({ folder, name, part, sha256 }) => toRow(folder, name, part, sha256));
}

function toRow(folder: string, name: string, part: number, sha256: string): Row {
  return { t: 'files of adapters', k: JSON.stringify([folder, name, part]), v: { sha256 } };
}

/** Removes the files of adapters that no version names any more; those of the last hour may still get one. */
export async function collectSharedFiles(server: SharedServer): Promise<void> {
  await server.query(
    `delete from ${SCHEMA}.files f where at < now() - interval '1 hour' and not exists (
      select 1 from ${SCHEMA}.state where tbl = 'adapters' and content->>'compiled_file' like f.folder || '/%')`,
  );
}

async function* partsOf(folder: string): AsyncGenerator<Part> {
  for (const name of (await readdir(folder)).sort()) {
    let part = 0;
    for await (const bytes of createReadStream(join(folder, name), { highWaterMark: PART_BYTES })) {
      yield { name, part: part++, bytes, sha256: await sha256Of(bytes) };
    }
  }
}

/** In another thread: a part would keep this one for as long as some pieces of answers take. */
async function sha256Of(bytes: Buffer): Promise<string> {
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes)).toString('hex');
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
