-- Locks the workspace's row, under which constraint versions are given, and returns the version in
-- force, or version 0 with nothing in it.
create or replace function core.lock_constraints(p_workspace text)
returns public.global_constraints
language plpgsql
set search_path = ''
as $$
declare
  v_row public.global_constraints;
begin
  perform from core.workspaces as w where w.name = p_workspace for no key update;
  select * into v_row from public.global_constraints as g
  where g.workspace = p_workspace
  order by g.version desc
  limit 1;
  if not found then
    v_row.workspace := p_workspace;
    v_row.version := 0;
    v_row.budget_allocations := '{}';
    v_row.metadata := '{}';
  end if;
  return v_row;
end;
$$;
