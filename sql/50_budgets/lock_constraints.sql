-- Locks the workspace's row, under which constraint versions are given, and returns the version in
-- force, or version 0.
create or replace function core.lock_constraints(p_workspace text)
returns public.global_constraints
language plpgsql
set search_path = ''
as $$
begin
  perform from core.workspaces as w where w.name = p_workspace for no key update;
  return core.latest_constraints(p_workspace);
end;
$$;
