import { randomUUID } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { AUDIT_SCHEMA } from '../../audit/table.js';
import { AppError } from '../../errors/app-error.js';
import { JOBS_SCHEMA } from '../../jobs/table.js';

/** Applied in order, each once, in a transaction; `user_version` counts them. Never edit one that was released. */
export const MIGRATIONS: readonly ((database: Database) => void)[] = [
  (database) => {
    database.exec(`
      create table meta (key text primary key, value text not null) strict;
      create table files (
        seq integer primary key autoincrement,
        id text not null unique,
        tenant text not null,
        filename text not null,
        purpose text not null,
        bytes integer not null,
        content blob not null,
        created_at integer not null
      ) strict;
      create index files_by_tenant on files (tenant, seq);
      create table stores (
        seq integer primary key autoincrement,
        id text not null unique,
        tenant text not null,
        name text not null,
        metadata text not null,
        created_at integer not null,
        last_active_at integer not null,
        revision integer not null default 0
      ) strict;
      create index stores_by_tenant on stores (tenant, seq);
      create table store_files (
        seq integer primary key autoincrement,
        tenant text not null,
        store_id text not null references stores (id) on delete cascade,
        file_id text not null references files (id) on delete cascade,
        status text not null check (status in ('in_progress', 'completed', 'failed')),
        error_code text,
        error_message text,
        attributes text not null,
        attempts integer not null default 0,
        usage_bytes integer not null default 0,
        passages integer not null default 0,
        created_at integer not null,
        unique (store_id, file_id)
      ) strict;
      create index store_files_by_store on store_files (store_id, seq);
      create index store_files_by_file on store_files (file_id);
      create index store_files_by_status on store_files (status, tenant, seq);
      create index store_files_passages_by_tenant on store_files (tenant, passages);
      create index store_files_passages_by_store on store_files (store_id, passages);
      create table passages (
        label integer primary key autoincrement,
        id text not null unique,
        tenant text not null,
        store_id text not null,
        file_id text not null,
        ordinal integer not null,
        heading_path text not null,
        text text not null,
        byte_start integer not null,
        byte_end integer not null,
        tokens integer not null,
        embedding blob not null,
        foreign key (store_id, file_id) references store_files (store_id, file_id) on delete cascade
      ) strict;
      create index passages_by_tenant on passages (tenant, label);
      create index passages_by_file on passages (store_id, file_id, ordinal);
      create index passages_by_store on passages (store_id, label);
    `);
    // Tells an index file that it was made from this database and not from one that was put in its place.
    database.prepare('insert into meta (key, value) values (?, ?)').run('database_id', randomUUID());
  },
  // How much waits for ingestion is asked with every file that is attached: the index answers alone.
  (database) => {
    database.exec(`
      alter table store_files add column bytes integer not null default 0;
      update store_files set bytes = (select bytes from files where files.id = file_id);
      drop index store_files_by_status;
      create index store_files_by_status on store_files (status, tenant, seq, bytes);
    `);
  },
  // A file that was called off failed as far as the queue is concerned.
  (database) => {
    database.exec(`
      alter table store_files add column cancelled integer not null default 0;
      create table batches (
        seq integer primary key autoincrement,
        id text not null unique,
        tenant text not null,
        store_id text not null references stores (id) on delete cascade,
        created_at integer not null,
        cancelled integer not null default 0
      ) strict;
      create index batches_by_store on batches (store_id);
      create table batch_files (
        batch_seq integer not null references batches (seq) on delete cascade,
        file_seq integer not null references store_files (seq) on delete cascade,
        primary key (batch_seq, file_seq)
      ) strict, without rowid;
      create index batch_files_by_file on batch_files (file_seq);
    `);
  },
  // The terms of what is there already are gathered in the background, at the next start.
  (database) => {
    database.exec(`
      alter table store_files add column terms integer not null default 0;
      alter table store_files add column terms_version integer not null default 0;
      create index store_files_terms_by_store on store_files (store_id, terms_version, passages, terms);
      create index store_files_by_terms_version on store_files (status, terms_version, seq);
      create table postings (
        store integer not null,
        term text not null,
        store_file integer not null references store_files (seq) on delete cascade,
        passages blob not null,
        primary key (store, term, store_file)
      ) strict, without rowid;
      create index postings_by_file on postings (store_file);
    `);
  },
  // Pages, slides, rows and lines. What was read before has none until it is read again.
  (database) => {
    database.exec('alter table passages add column location text');
  },
  // What is there already is for everybody: it stands on a shelf that has its store's number.
  (database) => {
    database.exec(`
      create table shelves (
        seq integer primary key autoincrement,
        store_id text not null references stores (id) on delete cascade,
        groups text not null,
        revision integer not null default 0,
        unique (store_id, groups)
      ) strict;
      create table shelf_groups (
        store_id text not null,
        name text not null,
        shelf integer not null references shelves (seq) on delete cascade,
        primary key (store_id, name, shelf)
      ) strict, without rowid;
      create index shelf_groups_by_shelf on shelf_groups (shelf);
      insert into shelves (seq, store_id, groups, revision) select seq, id, '[]', revision from stores;
      insert into shelf_groups (store_id, name, shelf) select id, '', seq from stores;
      alter table stores drop column revision;
      alter table store_files add column shelf integer not null default 0;
      update store_files set shelf = (select seq from stores where id = store_id);
      drop index store_files_terms_by_store;
      create index store_files_terms_by_shelf on store_files (shelf, terms_version, passages, terms);
      create index store_files_passages_by_shelf on store_files (shelf, passages);
      alter table postings rename column store to shelf;
    `);
  },
  // What waits to be read are jobs from now on; a file in a store only says what became of it. However a job ends, its
  // file knows, and however a file goes, its jobs do.
  (database) => {
    database.exec(`
      ${JOBS_SCHEMA}
      alter table store_files add column path text;
      update store_files set path = attributes ->> '$.path' where json_type(attributes, '$.path') = 'text';
      alter table store_files add column chunk_tokens integer;
      alter table store_files add column overlap_tokens integer;
      alter table stores add column expires_after_days integer;
      alter table stores add column expired integer not null default 0;
      insert into jobs (id, kind, tenant, subject, size, created_at)
        select 'job_' || lower(hex(randomblob(12))), 'ingest', tenant, store_id || '/' || file_id, bytes, created_at * 1000
        from store_files where status = 'in_progress' order by seq;
      drop index store_files_by_status;
      create index store_files_by_status on store_files (status, tenant, seq);
      create index store_files_by_path on store_files (store_id, path) where path is not null;
      alter table store_files drop column attempts;
      alter table store_files drop column bytes;
      create trigger ingest_job_ended after update of status on jobs
        when new.kind = 'ingest' and new.status in ('failed', 'cancelled')
      begin
        update store_files
          set status = 'failed', cancelled = new.status = 'cancelled', error_code = new.error_code, error_message = new.error_message
          where store_id = substr(new.subject, 1, instr(new.subject, '/') - 1)
            and file_id = substr(new.subject, instr(new.subject, '/') + 1);
      end;
      create trigger store_file_gone after delete on store_files
      begin
        delete from jobs where kind = 'ingest' and subject = old.store_id || '/' || old.file_id;
      end;
    `);
  },
  (database) => {
    for (const statement of AUDIT_SCHEMA) database.exec(statement);
  },
  (database) => {
    database.exec("alter table stores add column redaction text not null default 'off'");
  },
  (database) => {
    database.exec('alter table store_files add column most_passages integer');
  },
  // Vectors of several models beside each other. Those that are there keep their numbers, by which the indexes on the disk know them.
  (database) => {
    database.exec(`
      create table embedders (
        seq integer primary key autoincrement,
        digest text not null unique,
        name text not null,
        dimensions integer not null
      ) strict;
      insert into embedders (digest, name, dimensions)
        select coalesce((select value from meta where key = 'embedder'), ''), '',
          coalesce((select length(embedding) / 4 from passages limit 1), 0)
        where exists (select 1 from stores) or exists (select 1 from meta where key = 'embedder');
      delete from meta where key = 'embedder';
      alter table stores add column embedder integer references embedders (seq);
      alter table stores add column next_embedder integer references embedders (seq);
      alter table stores add column embedder_name text;
      update stores set embedder = (select seq from embedders);
      create table vectors (
        seq integer primary key autoincrement,
        tenant text not null,
        embedder integer not null references embedders (seq),
        store_file integer not null,
        passage integer not null references passages (label) on delete cascade,
        embedding blob not null,
        unique (passage, embedder)
      ) strict;
      insert into vectors (seq, tenant, embedder, store_file, passage, embedding)
        select label, passages.tenant, embedder, store_files.seq, label, embedding
        from passages
        join stores on stores.id = passages.store_id
        join store_files on store_files.store_id = passages.store_id and store_files.file_id = passages.file_id
        order by label;
      delete from sqlite_sequence where name = 'vectors';
      insert into sqlite_sequence (name, seq) select 'vectors', seq from sqlite_sequence where name = 'passages';
      create index vectors_by_tenant on vectors (tenant, embedder, seq);
      create index vectors_by_file on vectors (store_file, embedder, passage);
      drop index passages_by_tenant;
      alter table passages drop column embedding;
      create trigger store_gone after delete on stores
      begin
        delete from jobs where kind = 'reembed' and subject = old.id;
      end;
    `);
  },
  // Of a large file, whose own row then has none of its bytes: they are there before it, so that it cannot be referred to (decision 0120).
  (database) => {
    database.exec(`
      create table file_pieces (
        file_id text not null,
        ordinal integer not null,
        content blob not null,
        unique (file_id, ordinal)
      ) strict;
      create trigger file_gone after delete on files
      begin
        delete from file_pieces where file_id = old.id;
      end;
    `);
  },
];

/**
 * @param steps that are known; fewer for a database as an older version had it
 * @throws AppError `config_invalid` where a newer version of the product wrote the database
 */
export function migrate(database: Database, steps = MIGRATIONS.length): void {
  const version = database.pragma('user_version', { simple: true }) as number;
  if (version > steps) {
    throw new AppError('config_invalid', {
      reason: `${database.name} was written by a newer version (schema ${version}, this one knows ${steps}). Start that version, or set dataDir to another folder`,
    });
  }
  for (let next = version; next < steps; next++) {
    database
      .transaction(() => {
        MIGRATIONS[next]!(database);
        database.pragma(`user_version = ${next + 1}`);
      })
      .exclusive();
  }
}
