-- Locks the workspace's row, under which constraint versions are given, and returns the version in
-- force, or version 0.
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
  return case when found then v_row else core.no_constraints(p_workspace) end;
end;
$$;
