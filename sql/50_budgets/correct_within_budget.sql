-- What an import says of budgets that are kept is not believed where it is wrong. It opens no conflict: an
-- export brings its own along, with their numbers. The caller holds the workspace's row.
create or replace function core.correct_within_budget(p_workspace text, p_allocations jsonb)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_count integer;
begin
  perform core.lock_subsystems(p_workspace, array(
    select s.name from public.subsystems as s where s.workspace = p_workspace
  ));
  update public.subsystems as s
  set within_budget = core.overruns(p_allocations -> s.name, core.used_amounts(s)) = '{}'
  where s.workspace = p_workspace and s.within_budget is not null
    and s.within_budget is distinct from (core.overruns(p_allocations -> s.name, core.used_amounts(s)) = '{}');
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
