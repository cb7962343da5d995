-- The rows of subsystems, and how they are locked
--
-- A write of a subsystem's status, documents or budget locks its row until commit. So versions are given one after the
-- other, and each writer sees what the one before it did.
--
-- Invariants:
-- - Several rows are locked in the order of their names.
-- - A subsystem that does not exist yet has no row to lock. A writer that is about to make it shares the workspace's
--   row instead (core.lock_absent_subsystem). That keeps changes of limits and budgets, and uses of the shared budget,
--   away.
--
-- Lock order: core.lock_absent_subsystem comes before fencing counters and leases. Subsystem rows come after these, and
-- before budget reservations, conflicts and publications.

-- If the subsystem does not exist yet, shares the workspace's row until commit, in place of its own. True if so.
create or replace function core.lock_absent_subsystem(p_workspace text, p_subsystem text)
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

-- Locks the row of a subsystem, which is made if it is unknown. `no key update`, because checks of foreign keys need
-- not wait.
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

-- Locks the rows of those of these subsystems that exist.
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
