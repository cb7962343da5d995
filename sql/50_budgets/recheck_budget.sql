-- core.recheck_budgets for one subsystem, by the allocations in force; null for none.
create or replace function core.recheck_budget(p_workspace text, p_subsystem text, p_execution_id text)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return p_subsystem is not null and core.recheck_budgets(
    p_workspace, array[p_subsystem], core.latest_allocations(p_workspace), p_execution_id
  ) > 0;
end;
$$;
