-- Version 0: what was there before the first, no limit and no budget.
create or replace function core.no_constraints(p_workspace text)
returns public.global_constraints
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_row public.global_constraints;
begin
  v_row.workspace := p_workspace;
  v_row.version := 0;
  v_row.budget_allocations := '{}';
  v_row.metadata := '{}';
  return v_row;
end;
$$;
