-- The rows of subsystems, and how they are locked
--
-- Who writes a status, a document or a budget of a subsystem locks its row until commit, so that versions are given
-- one after the other, and each writer sees what the one before it did.
--
-- Invariants:
-- - Several rows are locked in the order of their names.
-- - A subsystem that is not there yet has no row to lock. Who is about to make one shares the workspace's row
--   instead (core.announce_subsystem), which keeps those away who change limits and budgets, or use what is shared.
--
-- Lock order: the workspace's row of an announcement comes before fencing counters and leases; subsystem rows come
-- after these, and before budget reservations, conflicts and publications.

-- True if it has no row yet; then nobody changes allocations, or counts what is left, until commit.
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

-- Makes an unknown subsystem, and locks its row. `no key update` lets foreign keys be checked meanwhile.
create or replace function core.lock_subsystem(p_workspace text, p_subsystem text)
returns public.subsystems
language plpgsql
set search_path = ''
as $$
declare
  v_row public.subsystems;
begin
  select * into v_row from public.subsystems as s
  where s.workspace = p_workspace and s.name = p_subsystem
  for no key update;
  if found then
    return v_row;
  end if;
  insert into public.subsystems (workspace, name) values (p_workspace, p_subsystem)
  on conflict do nothing;
  select * into v_row from public.subsystems as s
  where s.workspace = p_workspace and s.name = p_subsystem
  for no key update;
  return v_row;
end;
$$;

-- Locks the rows of these subsystems, those that there are.
create or replace function core.lock_subsystems(p_workspace text, p_names text[])
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  perform from public.subsystems as s
  where s.workspace = p_workspace and s.name = any(p_names)
  order by s.name
  for no key update;
  return found;
end;
$$;
