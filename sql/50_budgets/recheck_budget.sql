-- core.recheck_budgets for one subsystem, by the allocations in force; null for none.
create or replace function core.recheck_budget(p_workspace text, p_subsystem text, p_execution_id text)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return p_subsystem is not null and core.recheck_budgets(
    p_workspace,
    array[p_subsystem],
    (
      select g.budget_allocations from public.global_constraints as g
      where g.workspace = p_workspace
      order by g.version desc
      limit 1
    ),
    p_execution_id
  ) > 0;
end;
$$;
