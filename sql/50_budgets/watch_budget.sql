-- Keeps the one conflict about a subsystem's budget in step with its overrun: opens it, brings it up to
-- date, resolves it when the overrun has ended. p_overruns: {} or null for none.
create or replace function core.watch_budget(
  p_workspace text,
  p_subsystem text,
  p_overruns jsonb,
  p_execution_id text
)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_conflict_id bigint;
begin
  if coalesce(p_overruns, '{}') <> '{}' then
    return core.report_conflict(
      p_workspace, 'high', 2, p_subsystem, 'system_architect', 'sharedstate:budget',
      core.describe_overruns(p_subsystem, p_overruns),
      jsonb_build_object('subsystem', p_subsystem, 'overruns', p_overruns), '{}', p_execution_id, false
    ) is not null;
  end if;
  select o.conflict_id into v_conflict_id
  from core.find_open_conflict(p_workspace, p_subsystem, 'system_architect', 'sharedstate:budget') as o;
  if not found then
    return false;
  end if;
  return core.settle_conflict(
    p_workspace, v_conflict_id, p_subsystem || ' is within its budget again.', 'sharedstate', p_execution_id
  ) is not null;
end;
$$;
