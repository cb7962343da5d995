-- Following the log: each entry once, none missed.
--
-- Followers cannot go by id or timestamp. Both are set before the commit, so an entry may become visible after one with
-- a higher id was read. Here they go by transaction number, up to the oldest transaction that still runs: all earlier
-- ones have ended, so no entry can be added before that. All statements here have one snapshot, because the functions
-- are stable.
--
-- A cursor, 'transaction/id', is always the place of a committed entry. A transaction number alone would not do: after
-- a crash, Postgres gives the number of a transaction that left nothing on disk again.

-- Checks that the cursor and the log are of this database server. After a dump and restore the log may have transaction
-- numbers above the new server's: followers would miss the entries that are written there, because they sort before.
create or replace function core.require_followable(p_last public.agent_activity_logs, p_cursor text)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
declare
  v_next constant xid8 := pg_snapshot_xmax(pg_current_snapshot());
begin
  if p_cursor !~ '^[0-9]{1,19}/[0-9]{1,18}$' then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'cursor', 'reason', 'is no cursor', 'value', left(p_cursor, 200)),
      'Send a cursor that read_activity returned, "0/0" for the log''s first entry, or null for what comes from now on.'
    );
  elsif split_part(p_cursor, '/', 1)::xid8 >= v_next then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'cursor', 'reason', 'is of another database server', 'value', p_cursor),
      'Begin anew: with "0/0" at the log''s first entry, or with null.'
    );
  end if;
  -- Entries of this very transaction are fine, though its number may be above the snapshot's.
  if p_last.transaction_id >= v_next and p_last.transaction_id is distinct from pg_current_xact_id_if_assigned() then
    perform core.fail(
      'log_restored',
      jsonb_build_object('transaction_id', p_last.transaction_id, 'next_transaction_id', v_next),
      'Once, as the owner: update public.agent_activity_logs set transaction_id = pg_current_xact_id() where true.'
    );
  end if;
  return true;
end;
$$;

-- The entries after a cursor. force_custom_plan, because a custom plan leaves out the filters that are null.
create or replace function core.next_activity(
  p_workspace text,
  p_cursor text,
  p_limit integer,
  p_agent_name text,
  p_execution_id text,
  p_activity text
)
returns public.activity_page
language plpgsql
stable
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
  v_transaction_id constant xid8 := split_part(p_cursor, '/', 1)::xid8;
  v_id constant bigint := split_part(p_cursor, '/', 2)::bigint;
  v_oldest_running constant xid8 := pg_snapshot_xmin(pg_current_snapshot());
  -- How many entries a call reads at most; with a filter more than it returns.
  v_scanned constant integer := case
    when coalesce(p_agent_name, p_execution_id, p_activity) is null then p_limit else 5000
  end;
  v_page public.activity_page;
begin
  with scanned as materialized (
    select a as entry, a.transaction_id, a.id from public.agent_activity_logs as a
    where a.workspace = p_workspace
      and (a.transaction_id, a.id) > (v_transaction_id, v_id)
      and a.transaction_id < v_oldest_running
    order by a.transaction_id, a.id
    limit v_scanned
  ),
  wanted as materialized (
    select s.entry, s.transaction_id, s.id from scanned as s
    where (p_agent_name is null or (s.entry).agent_name = p_agent_name)
      and (p_execution_id is null or (s.entry).execution_id = p_execution_id)
      and (p_activity is null or (s.entry).activity = p_activity)
    order by s.transaction_id, s.id
    limit p_limit
  ),
  found as (
    select (select count(*) from wanted) = p_limit as is_full, (select count(*) from scanned) = v_scanned as is_cut
  )
  select
    coalesce((select array_agg(w.entry order by w.transaction_id, w.id) from wanted as w), '{}'),
    coalesce((
      -- The cursor is the last entry of a full page, else the last entry that was read.
      select e.transaction_id || '/' || e.id
      from (
        select w.transaction_id, w.id from wanted as w
        union all
        select s.transaction_id, s.id from scanned as s where not f.is_full
      ) as e
      order by e.transaction_id desc, e.id desc
      limit 1
    ), p_cursor),
    f.is_full or f.is_cut,
    0
  into v_page
  from found as f;
  return v_page;
end;
$$;

-- A read with a core half, because it calls helpers that callers may not.
create or replace function core.read_activity(
  p_cursor text,
  p_limit integer,
  p_agent_name text,
  p_execution_id text,
  p_activity text
)
returns public.activity_page
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_last public.agent_activity_logs;
  v_page public.activity_page;
begin
  perform core.require_whole_number('limit_count', to_jsonb(p_limit), 1, 1000);
  perform core.require_optional_name('agent_name', p_agent_name);
  perform core.require_optional_name('execution_id', p_execution_id);
  if p_activity is not null then
    perform core.require_label('activity', p_activity);
  end if;
  select * into v_last from public.agent_activity_logs as a
  where a.workspace = v_workspace
  order by a.transaction_id desc, a.id desc
  limit 1;
  perform core.require_followable(v_last, p_cursor);
  if p_cursor is null then
    -- After the last entry that a follower could have read by now.
    select a.transaction_id || '/' || a.id into v_page.cursor from public.agent_activity_logs as a
    where a.workspace = v_workspace and a.transaction_id < pg_snapshot_xmin(pg_current_snapshot())
    order by a.transaction_id desc, a.id desc
    limit 1;
  elsif p_cursor <> v_last.transaction_id || '/' || v_last.id then
    v_page := core.next_activity(v_workspace, p_cursor, p_limit, p_agent_name, p_execution_id, p_activity);
  end if;
  v_page.entries := coalesce(v_page.entries, '{}');
  v_page.cursor := coalesce(v_page.cursor, p_cursor, '0/0');
  v_page.more := coalesce(v_page.more, false);
  v_page.retry_ms := core.retry_ms(coalesce(clock_timestamp() - v_last."timestamp", interval '1 hour'), 100, 2000);
  return v_page;
end;
$$;

create or replace function public.read_activity(
  "cursor" text default null,
  limit_count integer default 500,
  agent_name text default null,
  execution_id text default null,
  activity text default null
)
returns public.activity_page
language sql
stable
set search_path = ''
as $$
  select core.read_activity("cursor", limit_count, agent_name, execution_id, activity);
$$;

comment on function public.read_activity(text, integer, text, text, text) is
'The next entries of the activity log for a follower: who goes on with the cursor that it got misses none, and gets none
twice, whatever commits in which order.

Without a cursor there are no entries, only the cursor from which to follow what comes from now on; "0/0" is the start
of the log. more: ask again at once, else after retry_ms, which grows while nothing is written. limit_count: 1 to 1000.
Entries come in the order of their transactions, when no older transaction of the database server is writing any more.';
