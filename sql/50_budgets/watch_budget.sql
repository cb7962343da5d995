-- Keeps the conflict about a subsystem's budget in step with its overrun. p_overruns: {} or null for none.
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
begin
  if coalesce(p_overruns, '{}') = '{}' then
    return core.settle_overrun(
      p_workspace, p_subsystem, 'sharedstate:budget', p_subsystem || ' is within its budget again.', p_execution_id
    );
  end if;
  return core.report_conflict(
    p_workspace, 'high', 2, p_subsystem, 'system_architect', 'sharedstate:budget',
    format('%s is over its budget: %s', p_subsystem, core.describe_overruns(p_overruns)),
    jsonb_build_object('subsystem', p_subsystem, 'overruns', p_overruns), '{}', p_execution_id, false
  ) is not null;
end;
$$;
