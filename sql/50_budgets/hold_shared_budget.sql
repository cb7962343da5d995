-- First step of a status write: one that may change how much of what the totals leave unallocated is used
-- takes the workspace's row, before all else that it locks. So these writes come one after the other, and each
-- sees what the others use. A subsystem that has an allocation of all that it tells of goes its own way, and
-- keeps that allocation until commit.
create or replace function core.hold_shared_budget(p_workspace text, p_subsystem text, p_status jsonb)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if not p_status ?| array['current_mass_kg', 'current_cost_usd'] then
    return false;
  end if;
  -- A new subsystem needs the workspace's row in any case: core.announce_subsystem.
  if exists (select from public.subsystems as s where s.workspace = p_workspace and s.name = p_subsystem) then
    begin
      perform core.hold_allocations(p_workspace, false);
      if not core.changes_shared_use(core.latest_constraints(p_workspace), p_subsystem, p_status) then
        return false;
      end if;
      -- The row comes before what is held now: an error is what gives that back.
      raise sqlstate 'AGAIN';
    exception
      when sqlstate 'AGAIN' then null;
    end;
  end if;
  perform core.lock_constraints(p_workspace);
  return true;
end;
$$;
