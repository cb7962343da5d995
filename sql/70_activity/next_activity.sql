-- The entries behind a cursor, see core.read_activity, whose snapshot this one has. Planned anew for each call: of the
-- filters that are null the planner then sees nothing any more.
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
  -- With a filter, how many entries a call looks at in search of those that are wanted.
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
    f.is_full or f.is_cut,
    0
  into v_page
  from found as f;
  return v_page;
end;
$$;
