-- force_custom_plan: a generic plan must serve every combination of filters, and so could use none of the indexes. A
-- custom plan leaves out the filters that are null.
--
-- enable_sort off (entries of one time are sorted all the same): the planner takes hash, text and workspace for
-- independent, and so expects next to no rows. It would sort all rows of a filter instead of reading an index in order.
--
-- A read with a core half, because it calls helpers that callers may not.
create or replace function core.get_recent_activity(
  p_limit integer,
  p_agent_name text,
  p_execution_id text,
  p_activity text,
  p_since timestamptz,
  p_until timestamptz,
  p_before_id bigint
)
returns setof public.agent_activity_logs
language plpgsql
stable
security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
set enable_sort = off
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_agent constant bigint := hashtextextended(v_workspace || '/' || p_agent_name, 0);
  v_execution constant bigint := hashtextextended(v_workspace || '/' || p_execution_id, 0);
  v_activity constant bigint := hashtextextended(v_workspace || '/' || p_activity, 0);
  v_before timestamptz;
begin
  perform core.require_whole_number('limit_count', to_jsonb(p_limit), 1, 10000);
  -- An invalid name would find nothing, and the caller would take that for "nothing happened".
  perform core.require_optional_name('agent_name', p_agent_name);
  perform core.require_optional_name('execution_id', p_execution_id);
  if p_activity is not null then
    perform core.require_label('activity', p_activity);
  end if;
  if p_before_id is not null then
    select a."timestamp" into v_before from public.agent_activity_logs as a
    where a.id = p_before_id and a.workspace = v_workspace;
    if not found then
      -- An empty page would look like the end of the log.
      perform core.fail(
        'invalid_argument',
        jsonb_build_object('argument', 'before_id', 'reason', 'names no entry of the log', 'value', p_before_id),
        'Use the id of an entry that was read. If it was pruned since, so was all that came before it.'
      );
    end if;
  end if;
  return query
  select a.* from public.agent_activity_logs as a
  where a.workspace = v_workspace
    -- Each filter by its hash, for the index, and by its text: two texts may have the same hash.
    and (
      p_agent_name is null
      or (hashtextextended(a.workspace || '/' || a.agent_name, 0) = v_agent and a.agent_name = p_agent_name)
    )
    and (
      p_execution_id is null
      or (hashtextextended(a.workspace || '/' || a.execution_id, 0) = v_execution and a.execution_id = p_execution_id)
    )
    and (
      p_activity is null
      or (hashtextextended(a.workspace || '/' || a.activity, 0) = v_activity and a.activity = p_activity)
    )
    and (p_since is null or a."timestamp" >= p_since)
    and (p_until is null or a."timestamp" < p_until)
    and (p_before_id is null or (a."timestamp", a.id) < (v_before, p_before_id))
  order by a."timestamp" desc, a.id desc
  limit p_limit;
end;
$$;

create or replace function public.get_recent_activity(
  limit_count integer default 50,
  agent_name text default null,
  execution_id text default null,
  activity text default null,
  since timestamptz default null,
  until timestamptz default null,
  before_id bigint default null
)
returns setof public.agent_activity_logs
language sql
stable
set search_path = ''
as $$
  select * from core.get_recent_activity(limit_count, agent_name, execution_id, activity, since, until, before_id);
$$;

comment on function public.get_recent_activity(
  integer, text, text, text, timestamptz, timestamptz, bigint
) is
'Entries of the activity log, newest first, up to 10000 at once.

Filters: agent_name, execution_id, activity, since (at or after) and until (before). before_id is the id of an entry:
only what comes after it in this order. The id of a page''s last entry gives the next page.';
