-- The budgets in force. Whoever decides by them holds the row of the subsystem: whoever changes them
-- looks at that row afterwards, so one of the two sees what the other did.
create or replace function core.latest_allocations(p_workspace text)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_allocations jsonb;
begin
  select g.budget_allocations into v_allocations from public.global_constraints as g
  where g.workspace = p_workspace
  order by g.version desc
  limit 1;
  return coalesce(v_allocations, '{}');
end;
$$;
