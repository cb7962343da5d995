-- First step of a status write: one that may change how much of what the totals leave unallocated is used
-- takes the workspace's row, before all else that it locks. So these writes come one after the other, and each
-- sees what the others use. A subsystem that has an allocation of all that it tells of goes its own way.
create or replace function core.hold_shared_budget(p_workspace text, p_subsystem text, p_status jsonb)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if not p_status ?| array['current_mass_kg', 'current_cost_usd']
    or not core.changes_shared_use(core.latest_constraints(p_workspace), p_subsystem, p_status)
  then
    return false;
  end if;
  perform core.lock_constraints(p_workspace);
  return true;
end;
$$;
