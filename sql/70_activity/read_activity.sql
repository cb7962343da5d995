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
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_last public.agent_activity_logs;
  v_page public.activity_page;
begin
  perform core.require_whole_number('limit_count', to_jsonb(p_limit), 1, 1000);
  perform core.require_activity_filter(p_agent_name, p_execution_id, p_activity);
  select * into v_last from public.agent_activity_logs as a
  where a.workspace = v_workspace
  order by a.transaction_id desc, a.id desc
  limit 1;
  perform core.require_followable(v_last, p_cursor);
  if p_cursor is null then
    v_page.cursor := core.last_activity(v_workspace, pg_snapshot_xmin(pg_current_snapshot()));
  elsif p_cursor <> v_last.transaction_id || '/' || v_last.id then
    v_page := core.next_activity(v_workspace, p_cursor, p_limit, p_agent_name, p_execution_id, p_activity);
  end if;
  v_page.entries := coalesce(v_page.entries, '{}');
  v_page.cursor := coalesce(v_page.cursor, p_cursor);
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
