-- core.recheck_budgets for one subsystem, by the allocations in force, whose lock the caller holds; null for
-- none.
create or replace function core.recheck_budget(p_workspace text, p_subsystem text, p_execution_id text)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return p_subsystem is not null and core.recheck_budgets(
    core.latest_constraints(p_workspace), array[p_subsystem], p_execution_id
  ) > 0;
end;
$$;
