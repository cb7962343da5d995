-- First step of whoever may make a subsystem: one that is not there yet has no row to hold, so until
-- commit a share of the workspace's row keeps those away who change allocations or count what is left.
create or replace function core.announce_subsystem(p_workspace text, p_subsystem text)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  perform from public.subsystems as s where s.workspace = p_workspace and s.name = p_subsystem;
  if found then
    return false;
  end if;
  perform from core.workspaces as w where w.name = p_workspace for share;
  return true;
end;
$$;
