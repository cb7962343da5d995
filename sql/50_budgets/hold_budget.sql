-- Writes a reservation if what it wants remains; false if not. It holds the workspace's row and that of
-- the subsystem, so neither constraints nor a status nor another reservation can come between. The
-- reserve has no row, unless somebody made a subsystem of that name.
create or replace function core.hold_budget(p_wanted public.budget_reservations, p_ttl_seconds integer)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_latest constant public.global_constraints := core.lock_constraints(p_wanted.workspace);
  v_allocation constant jsonb := v_latest.budget_allocations -> p_wanted.subsystem;
  v_row public.subsystems;
begin
  perform core.require_budget_name(p_wanted.workspace, 'subsystem', p_wanted.subsystem, v_latest.budget_allocations);
  if p_wanted.subsystem <> 'reserve' then
    v_row := core.lock_subsystem(p_wanted.workspace, p_wanted.subsystem);
  else
    select * into v_row from public.subsystems as s
    where s.workspace = p_wanted.workspace and s.name = p_wanted.subsystem
    for no key update;
  end if;
  perform core.clear_reservations(p_wanted.workspace, p_wanted.subsystem);
  p_wanted.expires_at := clock_timestamp() + make_interval(secs => p_ttl_seconds);
  p_wanted.reserved_at := clock_timestamp();
  if not core.is_live_reservation(p_wanted) then
    perform core.fail_lease_lost(
      'subsystem', p_wanted.locked_subsystem, p_wanted.fencing_token, null::public.agent_locks
    );
  end if;
  -- Only what is wanted has to be there: over its cost, a subsystem may still have mass to give.
  if core.overruns(
    core.subtract_amounts(core.amounts(0, 0, 0) || coalesce(v_allocation, '{}'), core.used_amounts(v_row)),
    core.add_amounts(null, core.amounts(p_wanted.mass_kg, p_wanted.cost_usd, p_wanted.power_w), 1),
    core.held_amounts(p_wanted.workspace, p_wanted.subsystem, null)
  ) <> '{}' then
    return false;
  end if;
  insert into public.budget_reservations select p_wanted.*;
  return true;
end;
$$;
