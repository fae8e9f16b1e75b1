import type { NewFile, Page, PageRequest, StoredFile } from '../../contracts/retrieval.js';
import { AppError } from '../../errors/app-error.js';
import { createContents } from './contents.js';
import type { Audited, Db } from './database.js';
import { newId } from './ids.js';
import { beyond, toPage } from './paging.js';
import { bumpShelf, namesOf } from './shelves.js';
import { vectorKeys } from './write-vectors.js';

const COLUMNS = ['seq', 'id', 'filename', 'bytes', 'purpose', 'created_at'] as const;

/** The rows of uploaded files. Every method is confined to its tenant. */
export function createFiles(db: Db, audit: Audited) {
  const contents = createContents(db);
  const find = async (tenant: string, id: string, groups: readonly string[] | null = null) => {
    const own = db.selectFrom('files').select(COLUMNS).where('tenant', '=', tenant).where('id', '=', id);
    const seen = (names: readonly string[]) =>
      own.where(({ exists, selectFrom }) =>
        exists(
          selectFrom('store_files')
            .innerJoin('shelf_groups', 'shelf_groups.shelf', 'store_files.shelf')
            .select('store_files.seq')
            .whereRef('store_files.file_id', '=', 'files.id')
            .where('shelf_groups.name', 'in', namesOf(names)),
        ),
      );
    const row = await (groups === null ? own : seen(groups)).executeTakeFirst();
    if (!row) throw new AppError('not_found', { what: 'File', id });
    return row;
  };

  return {
    async create(tenant: string, file: NewFile, nowS: number, mostBytes: number | null = null): Promise<StoredFile> {
      const { content } = file;
      const isHere = content instanceof Uint8Array;
      const row = {
        id: newId('file-'),
        filename: file.filename,
        bytes: isHere ? content.byteLength : content.bytes,
        purpose: file.purpose,
        created_at: nowS,
      };
      const check = async (some: Db) => {
        if (mostBytes !== null) await checkStored(some, tenant, row.bytes, mostBytes);
      };
      const insert = (content: Buffer) =>
        db.transaction().execute(async (tx) => {
          await check(tx);
          await tx
            .insertInto('files')
            .values({ ...row, tenant, content })
            .execute();
          const after = { bytes: row.bytes, purpose: row.purpose };
          await audit(tx, { tenant, action: 'file.uploaded', subject: row.id, before: null, after });
        });
      if (isHere) {
        await insert(Buffer.from(content.buffer, content.byteOffset, content.byteLength));
      } else {
        await check(db);
        await contents.write(row.id, content, () => insert(Buffer.alloc(0)));
      }
      return toFile(row);
    },

    /** @param groups `not_found` where these may see it in no store */
    async get(tenant: string, id: string, groups?: readonly string[] | null): Promise<StoredFile> {
      return toFile(await find(tenant, id, groups));
    },

    async content(tenant: string, id: string, groups?: readonly string[] | null): Promise<Uint8Array> {
      await find(tenant, id, groups);
      return contents.read(id);
    },

    async list(tenant: string, page: PageRequest, purpose: string | null): Promise<Page<StoredFile>> {
      let query = db.selectFrom('files').select(COLUMNS).where('tenant', '=', tenant);
      if (purpose !== null) query = query.where('purpose', '=', purpose);
      if (page.after) query = query.where('seq', beyond(page), (await find(tenant, page.after)).seq);
      return toPage(
        await query
          .orderBy('seq', page.order)
          .limit(page.limit + 1)
          .execute(),
        page,
        toFile,
      );
    },

    /** Deletes the file with all that was made from it, in every store. Returns the keys of its passages' vectors. */
    async delete(tenant: string, id: string, nowS: number, action = 'file.deleted'): Promise<number[]> {
      const { filename: _, ...before } = toFile(await find(tenant, id));
      return db.transaction().execute(async (tx) => {
        const stores = await tx
          .selectFrom('store_files')
          .select(['seq', 'store_id', 'shelf'])
          .where('file_id', '=', id)
          .execute();
        const storeIds = stores.map((store) => store.store_id);
        const keys = await vectorKeys(
          tx,
          stores.map(({ seq }) => seq),
        );
        await tx.deleteFrom('files').where('id', '=', id).execute();
        for (const { shelf } of stores) await bumpShelf(tx, shelf, nowS);
        await audit(tx, { tenant, action, subject: id, before: { ...before, storeIds }, after: null });
        return keys;
      });
    },
  };
}

/** @throws AppError `storage_limit_reached` */
async function checkStored(tx: Db, tenant: string, bytes: number, limit: number): Promise<void> {
  const { sum } = await tx
    .selectFrom('files')
    .select((eb) => eb.fn.sum<number | string | null>('bytes').as('sum'))
    .where('tenant', '=', tenant)
    .executeTakeFirstOrThrow();
  const stored = Number(sum ?? 0);
  if (stored + bytes > limit) throw new AppError('storage_limit_reached', { tenant, limit, stored, bytes });
}

function toFile(row: { id: string; filename: string; bytes: number; purpose: string; created_at: number }): StoredFile {
  return { id: row.id, filename: row.filename, bytes: row.bytes, purpose: row.purpose, createdAt: row.created_at };
}

export type Files = ReturnType<typeof createFiles>;
