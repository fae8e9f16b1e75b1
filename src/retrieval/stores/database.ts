import { type ColumnType, type Generated, Kysely } from 'kysely';
import { type AuditDb, createAuditLog } from '../../audit/log.js';
import { openSigningKey } from '../../audit/signing-key.js';
import type { AuditChange } from '../../contracts/audit.js';
import type { Clock } from '../../contracts/clock.js';
import type { Redaction } from '../../contracts/retrieval.js';
import type { JobDb, JobTables } from '../../jobs/table.js';
import { openSqlite } from '../../sqlite/open.js';
import { PreparedSqliteDialect } from '../../sqlite/prepared.js';
import { ThreadedSqliteDialect } from '../../sqlite/threaded.js';
import { migrate } from './migrations.js';

interface MetaTable {
  key: string;
  value: string;
}

interface FilesTable {
  seq: Generated<number>;
  id: string;
  tenant: string;
  filename: string;
  purpose: string;
  bytes: number;
  /** Empty where they are in pieces. */
  content: Buffer;
  /** Seconds since the epoch, as all times here. */
  created_at: number;
}

/** SQLite's alone: of a large file. They are written before its row. */
interface FilePiecesTable {
  file_id: string;
  ordinal: number;
  content: Buffer;
}

interface StoresTable {
  seq: Generated<number>;
  id: string;
  tenant: string;
  name: string;
  metadata: string;
  created_at: number;
  last_active_at: number;
  /** Without use; null: it never expires. */
  expires_after_days: number | null;
  /** 1: it has expired, and its files are out of it. */
  expired: Generated<number>;
  redaction: Redaction;
  /** `embedders.seq`: whose vectors answer. */
  embedder: number;
  /** Whose vectors are being made, and answer once all are there; null: none are. */
  next_embedder: number | null;
  /** The model that the tenant named; null: the gateway's own, whichever that is. */
  embedder_name: string | null;
}

/** Embedding models that vectors are of. */
interface EmbeddersTable {
  seq: Generated<number>;
  /** Of the weights; empty: of a version of the product that did not note it. */
  digest: string;
  /** As the gateway last knew it by. */
  name: string;
  dimensions: number;
}

/** The documents of a store that the same groups may see. */
interface ShelvesTable {
  seq: Generated<number>;
  store_id: string;
  /** Sorted, as JSON; `[]`: everybody of the tenant. */
  groups: string;
  /** Grows by one whenever what a search could find on it changes. */
  revision: Generated<number>;
}

/** On which shelves of a store a group finds something. */
interface ShelfGroupsTable {
  store_id: string;
  /** Empty: everybody. */
  name: string;
  shelf: number;
}

interface StoreFilesTable {
  seq: Generated<number>;
  tenant: string;
  store_id: string;
  file_id: string;
  /** `shelves.seq` */
  shelf: number;
  /** What became of it; how reading it goes, its job says. While it is read again, its passages of before are found. */
  status: 'in_progress' | 'completed' | 'failed';
  /** 1: it was called off, and `status` is `failed`. */
  cancelled: Generated<number>;
  error_code: string | null;
  error_message: string | null;
  attributes: string;
  /** Of the files in a store that have the same, the one that was read last takes the place of the others. */
  path: string | null;
  /** Largest passage, and what neighbours share at most; null: as configured. */
  chunk_tokens: number | null;
  overlap_tokens: number | null;
  usage_bytes: Generated<number>;
  passages: Generated<number>;
  /** Of all its passages, repeated ones too. */
  terms: Generated<number>;
  /** By which rules its terms were gathered; 0: not yet. */
  terms_version: Generated<number>;
  created_at: number;
  /** That the tenant may keep, as of when it was attached; null: no limit. */
  most_passages: number | null;
}

interface BatchesTable {
  seq: Generated<number>;
  id: string;
  tenant: string;
  store_id: string;
  created_at: number;
  /** 1: files of it were called off. */
  cancelled: Generated<number>;
}

interface BatchFilesTable {
  batch_seq: number;
  file_seq: number;
}

interface PassagesTable {
  label: Generated<number>;
  id: string;
  tenant: string;
  store_id: string;
  file_id: string;
  ordinal: number;
  heading_path: string;
  text: string;
  byte_start: number;
  byte_end: number;
  /** `PassageLocation` as JSON. */
  location: string | null;
  tokens: number;
}

/** A passage has one of the model whose vectors answer, and one of the model whose vectors are being made. */
interface VectorsTable {
  /** What an index knows it by. Never used again, so that an index that still holds a deleted one cannot mean another. */
  seq: Generated<number>;
  tenant: string;
  /** `embedders.seq` */
  embedder: number;
  /** `store_files.seq` */
  store_file: number;
  /** `passages.label` */
  passage: number;
  /** Normalised. In SQLite little-endian float32; in PostgreSQL pgvector's, which is read there alone. */
  embedding: ColumnType<Buffer, Buffer | string>;
}

/** Where a term stands: one row a file, gone with the file. A search reads those of its shelves alone. */
interface PostingsTable {
  /** `shelves.seq` */
  shelf: number;
  term: string;
  /** `store_files.seq` */
  store_file: number;
  /** In the layout of `FileTerms`. */
  passages: Buffer;
}

/** PostgreSQL's alone: what is to become a line of the audit log in a gateway's data folder. */
interface AuditOutboxTable {
  seq: Generated<number>;
  tenant: string;
  /** Id of that log. */
  folder: string;
  /** `NotedChange` as JSON. */
  entry: string;
}

/** SQLite's own: the largest key that an `autoincrement` column ever had. */
interface SequenceTable {
  name: string;
  seq: number;
}

export interface Tables extends JobTables {
  meta: MetaTable;
  sqlite_sequence: SequenceTable;
  files: FilesTable;
  file_pieces: FilePiecesTable;
  stores: StoresTable;
  shelves: ShelvesTable;
  shelf_groups: ShelfGroupsTable;
  store_files: StoreFilesTable;
  batches: BatchesTable;
  batch_files: BatchFilesTable;
  passages: PassagesTable;
  embedders: EmbeddersTable;
  vectors: VectorsTable;
  postings: PostingsTable;
  audit_outbox: AuditOutboxTable;
}

export type Db = Kysely<Tables>;

/** The same database, of which the jobs' room knows its own table alone. */
export function jobTables(db: Db): JobDb {
  return db as Kysely<unknown> as JobDb;
}

/** Writes a line of the audit log in the transaction of the change. Names of files and texts have no place in it: it is never purged. */
export type Audited = (tx: Db, change: AuditChange) => Promise<void>;

export function createAudited(dataDir: string, clock: Clock): Audited {
  const log = createAuditLog({ name: 'documents', key: openSigningKey(dataDir), clock });
  return (tx, change) => log.append(tx as Kysely<unknown> as AuditDb, change);
}

/** For what only reads. */
export const unaudited: Audited = async () => {};

/** Opens `documents.db`, or creates it. */
export function openDatabase(file: string): Db {
  const database = openSqlite(file);
  migrate(database);
  return new Kysely<Tables>({ dialect: new PreparedSqliteDialect(database) });
}

/**
 * Opens a database that is there for all that writes and for what need not be known at once, in a thread of its own:
 * searches read through `openDatabase`, and wait for no commit.
 */
export function openWriter(file: string): Db {
  return new Kysely<Tables>({ dialect: new ThreadedSqliteDialect(file) });
}

/** Identifies this database among all that ever stood in its place. */
export async function databaseId(db: Db): Promise<string> {
  return (await db.selectFrom('meta').select('value').where('key', '=', 'database_id').executeTakeFirstOrThrow()).value;
}
