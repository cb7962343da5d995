-- Neither id nor timestamp can be followed: both are drawn before the commit, so an entry may become visible after
-- one with a higher id was read, and be missed. What can be followed is the order of transactions, up to the oldest
-- that still runs: of everything before it this snapshot sees all that there will ever be. Two statements of this
-- function have one snapshot, because it is stable.
--
-- A cursor is always the place of a committed entry, never a bare transaction number: after a crash the number of a
-- transaction that had left nothing on disk is given again.
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
set plan_cache_mode = force_custom_plan
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_oldest_running constant xid8 := pg_snapshot_xmin(pg_current_snapshot());
  -- With a filter, how many entries a call looks at in search of those that are wanted.
  v_scanned constant integer := case
    when coalesce(p_agent_name, p_execution_id, p_activity) is null then p_limit else 5000
  end;
  v_transaction_id xid8;
  v_id bigint;
  v_page public.activity_page;
begin
  perform core.require_whole_number('limit_count', to_jsonb(p_limit), 1, 1000);
  perform core.require_activity_filter(p_agent_name, p_execution_id, p_activity);
  perform core.require_followable(v_workspace, p_cursor);
  if p_cursor is null then
    v_page.entries := '{}';
    v_page.cursor := core.last_activity(v_workspace, v_oldest_running);
    v_page.more := false;
    return v_page;
  end if;
  v_transaction_id := split_part(p_cursor, '/', 1)::xid8;
  v_id := split_part(p_cursor, '/', 2)::bigint;
  with scanned as materialized (
    select a as entry, a.transaction_id, a.id from public.agent_activity_logs as a
    where a.workspace = v_workspace
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
      -- A page that is full ends with its last entry, another where the search ended.
      select e.transaction_id || '/' || e.id
      from (
        select w.transaction_id, w.id from wanted as w
        union all
        select s.transaction_id, s.id from scanned as s where not f.is_full
      ) as e
      order by e.transaction_id desc, e.id desc
      limit 1
    ), p_cursor),
    f.is_full or f.is_cut
  into v_page
  from found as f;
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
of the log. more: ask again at once. limit_count: 1 to 1000. Entries come in the order of their transactions, when no
older transaction of the database server is writing any more.';
