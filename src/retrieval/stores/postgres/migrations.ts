/**
 * Applied in order, each once, in a transaction, by the owner of the tables; `meta` counts them. Never edit one that was released.
 * Names are those of SQLite's tables, since the same statements are meant for both. Tables that have no column of a tenant there have
 * one here, filled in by the scope that a row is written in.
 */
export const MIGRATIONS: readonly string[] = [
  `
  create table files (
    seq bigint generated always as identity primary key,
    id text not null unique,
    tenant text not null,
    filename text not null,
    purpose text not null,
    bytes bigint not null,
    content bytea not null,
    created_at bigint not null
  );
  -- It is packed mostly, or made of text that is read once.
  alter table files alter column content set storage external;
  create index files_by_tenant on files (tenant, seq);

  create table stores (
    seq bigint generated always as identity primary key,
    id text not null unique,
    tenant text not null,
    name text not null,
    metadata text not null,
    created_at bigint not null,
    last_active_at bigint not null,
    expires_after_days integer,
    expired integer not null default 0
  );
  create index stores_by_tenant on stores (tenant, seq);

  create table shelves (
    seq bigint generated always as identity primary key,
    tenant text not null default current_setting('app.tenant'),
    store_id text not null references stores (id) on delete cascade,
    groups text not null,
    revision bigint not null default 0,
    unique (store_id, groups)
  );
  create table shelf_groups (
    tenant text not null default current_setting('app.tenant'),
    store_id text not null,
    name text not null,
    shelf bigint not null references shelves (seq) on delete cascade,
    primary key (store_id, name, shelf)
  );
  create index shelf_groups_by_shelf on shelf_groups (shelf);

  create table store_files (
    seq bigint generated always as identity primary key,
    tenant text not null,
    store_id text not null references stores (id) on delete cascade,
    file_id text not null references files (id) on delete cascade,
    shelf bigint not null,
    status text not null check (status in ('in_progress', 'completed', 'failed')),
    cancelled integer not null default 0,
    error_code text,
    error_message text,
    attributes text not null,
    path text,
    chunk_tokens integer,
    overlap_tokens integer,
    usage_bytes bigint not null default 0,
    passages integer not null default 0,
    terms bigint not null default 0,
    terms_version integer not null default 0,
    created_at bigint not null,
    unique (store_id, file_id)
  );
  create index store_files_by_store on store_files (store_id, seq);
  create index store_files_by_file on store_files (file_id);
  create index store_files_by_status on store_files (status, tenant, seq);
  create index store_files_by_path on store_files (store_id, path) where path is not null;
  create index store_files_by_shelf on store_files (shelf, terms_version) include (passages, terms);

  create table batches (
    seq bigint generated always as identity primary key,
    id text not null unique,
    tenant text not null,
    store_id text not null references stores (id) on delete cascade,
    created_at bigint not null,
    cancelled integer not null default 0
  );
  create index batches_by_store on batches (store_id);
  create table batch_files (
    tenant text not null default current_setting('app.tenant'),
    batch_seq bigint not null references batches (seq) on delete cascade,
    file_seq bigint not null references store_files (seq) on delete cascade,
    primary key (batch_seq, file_seq)
  );
  create index batch_files_by_file on batch_files (file_seq);

  -- The embedder says how many dimensions its vectors have: index_vectors.
  create table passages (
    label bigint generated always as identity primary key,
    id text not null unique,
    tenant text not null,
    store_id text not null,
    file_id text not null,
    ordinal integer not null,
    heading_path text not null,
    text text not null,
    byte_start bigint not null,
    byte_end bigint not null,
    location text,
    tokens integer not null,
    embedding halfvec not null,
    foreign key (store_id, file_id) references store_files (store_id, file_id) on delete cascade
  );
  create unique index passages_by_file on passages (store_id, file_id, ordinal);

  create table postings (
    tenant text not null default current_setting('app.tenant'),
    shelf bigint not null,
    term text not null,
    store_file bigint not null references store_files (seq) on delete cascade,
    passages bytea not null,
    primary key (shelf, term, store_file)
  );
  create index postings_by_file on postings (store_file);

  create table jobs (
    seq bigint generated always as identity primary key,
    id text not null unique,
    kind text not null,
    tenant text not null,
    subject text not null,
    size bigint not null,
    status text not null default 'queued' check (status in ('queued', 'running', 'completed', 'failed', 'cancelled')),
    attempts integer not null default 0,
    deaths integer not null default 0,
    holder text,
    lease_until bigint,
    not_before bigint not null default 0,
    progress double precision not null default 0,
    error_code text,
    error_message text,
    created_at bigint not null,
    started_at bigint,
    finished_at bigint
  );
  create unique index jobs_unfinished on jobs (kind, subject) where status in ('queued', 'running');
  create index jobs_by_subject on jobs (kind, subject);
  create index jobs_waiting on jobs (kind, tenant, seq) where status in ('queued', 'running');
  create index jobs_by_tenant on jobs (tenant, seq);
  create index jobs_completed on jobs (kind, finished_at) where status = 'completed';
  create index jobs_by_end on jobs (finished_at) where finished_at is not null;

  -- However a job ends, its file knows, and however a file goes, its jobs do. A full queue ends a job of another tenant's.
  create function ingest_job_ended() returns trigger language plpgsql security definer set search_path from current as $$
  begin
    update store_files
      set status = 'failed', cancelled = case new.status when 'cancelled' then 1 else 0 end,
        error_code = new.error_code, error_message = new.error_message
      where store_id = split_part(new.subject, '/', 1) and file_id = split_part(new.subject, '/', 2);
    return null;
  end $$;
  create trigger ingest_job_ended after update of status on jobs for each row
    when (new.kind = 'ingest' and new.status in ('failed', 'cancelled')) execute function ingest_job_ended();
  create function store_file_gone() returns trigger language plpgsql security definer set search_path from current as $$
  begin
    delete from jobs where kind = 'ingest' and subject = old.store_id || '/' || old.file_id;
    return null;
  end $$;
  create trigger store_file_gone after delete on store_files for each row execute function store_file_gone();

  -- Whoever uses the tables may not change them; this much it may.
  create function index_vectors(dimensions integer, links integer, ef_construction integer) returns void
    language plpgsql security definer set search_path from current as $$
  begin
    if dimensions = (select atttypmod from pg_attribute where attrelid = 'passages'::regclass and attname = 'embedding') then
      return;
    end if;
    drop index if exists passages_by_vector;
    execute format('alter table passages alter column embedding type halfvec(%s)', dimensions);
    execute format('create index passages_by_vector on passages using hnsw (embedding halfvec_ip_ops) with (m = %s, ef_construction = %s)',
      links, ef_construction);
  end $$;
  revoke execute on function index_vectors from public;

  do $$
  declare name text;
  begin
    foreach name in array array['files', 'stores', 'shelves', 'shelf_groups', 'store_files', 'batches', 'batch_files', 'passages', 'postings']
    loop
      execute format('alter table %I enable row level security', name);
      execute format(
        'create policy own_rows on %I using (tenant = (select current_setting(''app.tenant'', true))
          or (select current_setting(''app.every_tenant'', true)) = ''on'')', name);
    end loop;
  end $$;
  `,
  "alter table stores add column redaction text not null default 'off'",
  'alter table store_files add column most_passages bigint',
  // What is to become a line of the audit log of the gateway whose data folder it names: written with its change, and only taken away.
  `
  create table audit_outbox (
    seq bigint generated always as identity primary key,
    tenant text not null,
    folder text not null,
    entry text not null
  );
  create index audit_outbox_by_folder on audit_outbox (folder, seq);
  alter table audit_outbox enable row level security;
  create policy own_rows on audit_outbox using (tenant = (select current_setting('app.tenant', true))
    or (select current_setting('app.every_tenant', true)) = 'on');
  `,
  // Vectors of several models beside each other, and an index for each model's: their dimensions differ.
  `
  create table embedders (
    seq bigint generated always as identity primary key,
    digest text not null unique,
    name text not null,
    dimensions integer not null
  );
  insert into embedders (digest, name, dimensions)
    select coalesce((select value from meta where key = 'embedder'), ''), '',
      (select greatest(atttypmod, 0) from pg_attribute where attrelid = 'passages'::regclass and attname = 'embedding')
    where exists (select 1 from stores) or exists (select 1 from meta where key = 'embedder');
  delete from meta where key = 'embedder';
  alter table stores add column embedder bigint references embedders (seq);
  alter table stores add column next_embedder bigint references embedders (seq);
  alter table stores add column embedder_name text;
  update stores set embedder = (select seq from embedders);

  create table vectors (
    seq bigint generated always as identity primary key,
    tenant text not null,
    embedder bigint not null references embedders (seq),
    store_file bigint not null,
    passage bigint not null references passages (label) on delete cascade,
    embedding halfvec not null,
    unique (passage, embedder)
  );
  insert into vectors (tenant, embedder, store_file, passage, embedding)
    select passages.tenant, embedder, store_files.seq, label, embedding
    from passages
    join stores on stores.id = passages.store_id
    join store_files on store_files.store_id = passages.store_id and store_files.file_id = passages.file_id
    order by label;
  create index vectors_by_file on vectors (store_file, embedder, passage);
  alter table vectors enable row level security;
  create policy own_rows on vectors using (tenant = (select current_setting('app.tenant', true))
    or (select current_setting('app.every_tenant', true)) = 'on');

  drop function index_vectors;
  create function index_vectors(embedder bigint, dimensions integer, links integer, ef_construction integer) returns void
    language plpgsql security definer set search_path from current as $$
  begin
    if to_regclass('vectors_of_' || embedder) is not null then return; end if;
    execute format('create index vectors_of_%s on vectors using hnsw ((embedding::halfvec(%s)) halfvec_ip_ops)
      with (m = %s, ef_construction = %s) where embedder = %s', embedder, dimensions, links, ef_construction, embedder);
  end $$;
  revoke execute on function index_vectors from public;
  -- Not by the first gateway that starts: it would wait for it for longer than a statement may take.
  do $$
  declare options text;
  begin
    select array_to_string(reloptions, ', ') into options from pg_class where oid = to_regclass('passages_by_vector');
    if options is not null then
      execute (select format('create index vectors_of_%s on vectors using hnsw ((embedding::halfvec(%s)) halfvec_ip_ops)
        with (%s) where embedder = %s', seq, dimensions, options, seq) from embedders);
    end if;
  end $$;
  alter table passages drop column embedding;

  create function store_gone() returns trigger language plpgsql security definer set search_path from current as $$
  begin
    delete from jobs where kind = 'reembed' and subject = old.id;
    return null;
  end $$;
  create trigger store_gone after delete on stores for each row execute function store_gone();
  `,
];
