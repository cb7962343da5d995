-- The limits and budgets in force. Whoever decides by them holds the row of the subsystem: whoever changes
-- its budget looks at that row afterwards, so one of the two sees what the other did.
create or replace function core.latest_constraints(p_workspace text)
returns public.global_constraints
language plpgsql
stable
set search_path = ''
as $$
declare
  v_row public.global_constraints;
begin
  select * into v_row from public.global_constraints as g
  where g.workspace = p_workspace
  order by g.version desc
  limit 1;
  return case when found then v_row else core.no_constraints(p_workspace) end;
end;
$$;
