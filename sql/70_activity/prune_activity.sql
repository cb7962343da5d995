create or replace function core.prune_activity(p_older_than timestamptz, p_limit integer, p_request_id uuid)
returns integer
language plpgsql
security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_agent_name constant text := coalesce(core.claimed_agent(), 'operator');
  v_request core.request;
  v_count integer;
begin
  perform core.require_agent('agent_name', v_agent_name);
  perform core.require_past('older_than', p_older_than);
  perform core.require_whole_number('limit_count', to_jsonb(p_limit), 1, 100000);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'prune_activity', jsonb_build_array(p_older_than, p_limit)
  );
  if v_request.is_replay then
    return v_request.answer::integer;
  end if;
  -- Skips what another call is deleting. Materialized, because a join may run a subquery more than once, and each run
  -- would lock other rows: more than p_limit.
  with old as materialized (
    select o.id from public.agent_activity_logs as o
    where o.workspace = v_workspace and o."timestamp" < p_older_than
    order by o."timestamp", o.id
    limit p_limit
    for update skip locked
  )
  delete from public.agent_activity_logs as a
  using old
  where a.id = old.id;
  get diagnostics v_count = row_count;
  if v_count > 0 then
    perform core.write_activity(
      v_workspace, v_agent_name, 'activity_pruned',
      jsonb_build_object('older_than', p_older_than, 'entries', v_count), null
    );
  end if;
  perform core.remember_request(v_request, to_jsonb(v_count));
  return v_count;
end;
$$;

create or replace function public.prune_activity(
  older_than timestamptz,
  limit_count integer default 20000,
  request_id uuid default null
)
returns integer
language sql
set search_path = ''
as $$
  select core.prune_activity(older_than, limit_count, request_id);
$$;

comment on function public.prune_activity(timestamptz, integer, uuid) is
'For operators: deletes entries of the activity log that are older than a time in the past, the oldest first, up to
limit_count (100000 at most) in one call. Returns how many: call it again until that is 0.';
