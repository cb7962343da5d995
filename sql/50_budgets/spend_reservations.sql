-- What an execution uses or moves comes out of what it holds of that budget itself, the oldest first: or
-- it would be counted twice, as used and as held, and others could not have what they hold.
-- Amounts of 0 or less spend nothing. The caller holds the budget.
create or replace function core.spend_reservations(
  p_workspace text,
  p_subsystem text,
  p_execution_id text,
  p_amounts jsonb
)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_mass_kg numeric := greatest((p_amounts ->> 'mass_kg')::numeric, 0);
  v_cost_usd numeric := greatest((p_amounts ->> 'cost_usd')::numeric, 0);
  v_power_w numeric := greatest((p_amounts ->> 'power_w')::numeric, 0);
  v_hold public.budget_reservations;
begin
  if v_mass_kg + v_cost_usd + v_power_w = 0 then
    return false;
  end if;
  for v_hold in
    select * from public.budget_reservations as r
    where r.workspace = p_workspace and r.subsystem = p_subsystem
      and core.is_own_reservation(r, p_execution_id) and core.is_live_reservation(r)
    order by r.reserved_at, r.reservation_id
  loop
    update public.budget_reservations as r
    set
      mass_kg = greatest(r.mass_kg - v_mass_kg, 0),
      cost_usd = greatest(r.cost_usd - v_cost_usd, 0),
      power_w = greatest(r.power_w - v_power_w, 0)
    where r.workspace = p_workspace and r.subsystem = p_subsystem and r.reservation_id = v_hold.reservation_id;
    v_mass_kg := greatest(v_mass_kg - v_hold.mass_kg, 0);
    v_cost_usd := greatest(v_cost_usd - v_hold.cost_usd, 0);
    v_power_w := greatest(v_power_w - v_hold.power_w, 0);
  end loop;
  delete from public.budget_reservations as r
  where r.workspace = p_workspace and r.subsystem = p_subsystem and core.is_own_reservation(r, p_execution_id)
    and r.mass_kg + r.cost_usd + r.power_w = 0;
  return true;
end;
$$;
