/** The tables of a registry that several gateways share (decision 0080), in a schema of their own. */
export const SCHEMA = 'switchyard_registry';

/** Told with every change that others have to see at once. */
export const CHANNEL = 'switchyard_registry';

/** Told what somebody needs more of. */
export const WANTED = 'switchyard_shares';

/**
 * A step that was released is never edited: add the next one.
 *
 * - `head` has one row: which registry this is, the number and the mark of its last entry, and the number of the last one that others' changes
 *   depend on.
 * - `log` has what was changed, in order, each with a mark that no other entry ever had: a server that was put back to an earlier state gives the
 *   same number to another one. `state` what that came to, row by row, so that a new gateway begins with that and old entries can go.
 * - `origins` says how many records of each gateway arrived: what is sent twice is kept once.
 * - `files` has the compiled adapters.
 * - `shares` has how much of a limit each gateway may use by itself.
 */
export const STEPS: readonly string[] = [
  `
  create table head (
    one boolean primary key default true check (one),
    id uuid not null,
    seq bigint not null,
    mark uuid not null,
    checked bigint not null,
    trimmed bigint not null,
    tables text not null,
    audit_key text not null
  );
  create table log (
    seq bigint primary key,
    mark uuid not null,
    origin text not null,
    changes jsonb not null,
    at timestamptz not null default now()
  );
  create index log_by_age on log (at);
  create table state (
    tbl text not null,
    key text not null,
    content jsonb not null,
    primary key (tbl, key)
  );
  create table origins (origin text primary key, records bigint not null);
  create table files (
    folder text not null,
    name text not null,
    part int not null,
    bytes bytea not null,
    sha256 text not null,
    at timestamptz not null default now(),
    primary key (folder, name, part)
  );
  create table shares (
    account text not null,
    kind text not null,
    gateway text not null,
    share bigint not null,
    until timestamptz not null,
    primary key (account, kind, gateway)
  );

  create function apply(change jsonb) returns void language plpgsql as $$
  declare
    t text := change->>'t';
    k text := change->>'k';
  begin
    if change->>'o' = 'd' then
      delete from ${SCHEMA}.state where key = k and tbl in (t, change->>'child');
    elsif change->>'o' = 'u' then
      update ${SCHEMA}.state set content = content || (change->'v') where tbl = t and key = k;
    elsif change->>'o' = 'g' then
      update ${SCHEMA}.state set content = content || (change->'v') where tbl = t and key = k
        and (select coalesce((content->>one.key)::numeric < one.value::text::numeric, true) from jsonb_each(change->'v') one);
    elsif change->>'o' = 'a' then
      insert into ${SCHEMA}.state as s values (t, k, change->'v') on conflict (tbl, key) do update set content = s.content || (
        select jsonb_object_agg(one.key, (s.content->>one.key)::numeric + one.value::text::numeric)
        from jsonb_each(excluded.content) one where jsonb_typeof(one.value) = 'number');
    elsif change->>'parent' is null
      or exists (select 1 from ${SCHEMA}.state where tbl = change->>'parent' and key = k) then
      insert into ${SCHEMA}.state values (t, k, change->'v');
    end if;
  end $$;

  -- Whether the log has what follows an entry, and that one is in it. Before the first one there is none.
  create function continues(known bigint, known_mark uuid) returns boolean language sql as $$
    select exists (select 1 from ${SCHEMA}.log l where l.seq = known and l.mark = known_mark)
      or known = 0 and exists (select 1 from ${SCHEMA}.head where trimmed = 0);
  $$;

  -- Adds an entry to the log: one statement, one transaction, one round trip. Gives the entries that the caller lacks, its own last
  -- (without changes); one with number null where what it read was changed meanwhile, and nothing was added.
  create function append(
    registry uuid, origin_ text, tables_ text, known bigint, known_mark uuid, is_checked boolean, is_urgent boolean, changes_ jsonb
  )
  returns table (seq bigint, mark uuid, origin text, changes jsonb) language plpgsql as $$
  declare
    h ${SCHEMA}.head;
    sent bigint;
    fresh jsonb;
    change jsonb;
  begin
    select * into strict h from ${SCHEMA}.head for update;
    if h.id <> registry or h.tables <> tables_ then
      raise exception 'another registry' using errcode = 'SY001';
    end if;
    if known is not null and (h.seq - known > 500 or is_checked and h.checked > known or not ${SCHEMA}.continues(known, known_mark)) then
      return query select null::bigint, null::uuid, ''::text, null::jsonb;
      return;
    end if;
    select records into sent from ${SCHEMA}.origins o where o.origin = origin_;
    select coalesce(jsonb_agg(c order by i), '[]') into fresh from jsonb_array_elements(changes_) with ordinality as x(c, i)
      where not c ? 'n' or (c->>'n')::bigint > coalesce(sent, 0);
    for change in select * from jsonb_array_elements(fresh) loop
      perform ${SCHEMA}.apply(change);
    end loop;
    insert into ${SCHEMA}.origins as o
      select origin_, coalesce(max((c->>'n')::bigint), 0) from jsonb_array_elements(changes_) c
      on conflict on constraint origins_pkey do update set records = greatest(o.records, excluded.records);
    return query select l.seq, l.mark, l.origin, l.changes from ${SCHEMA}.log l where l.seq > known order by l.seq;
    h.seq := h.seq + 1;
    h.mark := gen_random_uuid();
    insert into ${SCHEMA}.log values (h.seq, h.mark, origin_, fresh);
    update ${SCHEMA}.head set seq = h.seq, mark = h.mark, checked = case when is_checked then h.seq else h.checked end;
    if is_urgent then
      perform pg_notify('${CHANNEL}', h.seq::text);
    end if;
    return query select h.seq, h.mark, origin_, null::jsonb;
  end $$;

  -- Raises what a gateway may use of a limit as far as the others leave it, and asks them to leave more where that is too little.
  -- What was used before there were shares counts as somebody's for ever. Only this clock says when a share ends.
  create function take(account_ text, kind_ text, gateway_ text, most bigint, wanted bigint, before bigint, keep_ms bigint)
  returns bigint language plpgsql as $$
  declare
    others bigint;
    own bigint;
    granted bigint;
  begin
    perform pg_advisory_xact_lock(hashtextextended(account_ || ' ' || kind_, 1));
    delete from ${SCHEMA}.shares s where s.account = account_ and s.kind = kind_ and s.until < clock_timestamp();
    if before > 0 and not exists (select 1 from ${SCHEMA}.shares s where s.account = account_ and s.kind = kind_) then
      insert into ${SCHEMA}.shares values (account_, kind_, '', before, 'infinity');
    end if;
    select coalesce(sum(share) filter (where gateway <> gateway_), 0), coalesce(max(share) filter (where gateway = gateway_), 0)
      into others, own from ${SCHEMA}.shares s where s.account = account_ and s.kind = kind_;
    granted := greatest(own, least(wanted, most - others));
    insert into ${SCHEMA}.shares values (account_, kind_, gateway_, granted,
        coalesce(clock_timestamp() + make_interval(secs => keep_ms / 1000.0), 'infinity'))
      on conflict (account, kind, gateway) do update set share = excluded.share, until = excluded.until;
    if granted < wanted then
      perform pg_notify('${WANTED}', json_build_array(account_, kind_, gateway_)::text);
    end if;
    return granted;
  end $$;
  `,
];
