-- Reservations: amounts that are kept for an execution before it uses or moves them
--
-- A reservation ends when it expires, or with the lease that it is tied to. The view core.live_reservations
-- (tables.sql) has those that have not ended. To other executions a live reservation counts as used. What its own
-- execution uses or moves is taken from it. Users see reserved amounts as `held`.
--
-- Invariants:
-- - Used and reserved together stay within the allocation, unless a status that is not strict takes more. The log tells
--   of that (budget_hold_overrun).
-- - Before a decision is made by the live ones, the ended ones are deleted. So none can become live again after others
--   have got its amounts.
-- - Everybody can read execution ids. So a token with the claim `agent` may use the reservations of that agent alone.
--
-- Lock order: the caller holds the row of the subsystem, or for the reserve that of the workspace; then reservations.

-- What is reserved of a subsystem's budget, or of the reserve, by other executions than p_but_execution_id. Deletes
-- ended reservations first: a lease that is renewed at this moment must not make one live again.
create or replace function core.reserved_amounts(p_workspace text, p_subsystem text, p_but_execution_id text)
returns core.amounts
language plpgsql
set search_path = ''
as $$
declare
  v_reserved core.amounts := row(0, 0, 0);
begin
  if not exists (
    select from public.budget_reservations as r where r.workspace = p_workspace and r.subsystem = p_subsystem
  ) then
    return v_reserved;
  end if;
  delete from public.budget_reservations as r
  where r.workspace = p_workspace and r.subsystem = p_subsystem and not exists (
    select from core.live_reservations as l
    where l.workspace = r.workspace and l.subsystem = r.subsystem and l.reservation_id = r.reservation_id
  );
  select coalesce(sum(r.mass_kg), 0), coalesce(sum(r.cost_usd), 0), coalesce(sum(r.power_w), 0) into v_reserved
  from core.live_reservations as r
  where r.workspace = p_workspace and r.subsystem = p_subsystem
    and (
      r.execution_id = p_but_execution_id and r.agent_name = coalesce(core.claimed_agent(), r.agent_name)
    ) is not true;
  return v_reserved;
end;
$$;

-- Takes p_spent out of a budget. p_used is what is used of it then, or moved out of it. Only a status that is not
-- strict may take what others have reserved. While it keeps to the allocation that opens no conflict, but the others
-- will miss it: so the log tells of it, each time that more is taken.
--
-- What an execution takes comes out of its own reservations of that budget, the oldest first. Else it would be counted
-- twice, as used and as reserved. Amounts of 0 or less take nothing.
create or replace function core.charge_budget(
  p_workspace text,
  p_subsystem text,
  p_allocation jsonb,
  p_used core.amounts,
  p_spent core.amounts,
  p_execution_id text,
  p_strict boolean
)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_overruns jsonb := core.overruns(
    p_allocation, p_used, core.reserved_amounts(p_workspace, p_subsystem, p_execution_id)
  );
begin
  if p_strict and v_overruns <> '{}' then
    perform core.fail_over_budget(jsonb_build_object('subsystem', p_subsystem), v_overruns);
  end if;
  if greatest(p_spent.mass_kg, p_spent.cost_usd, p_spent.power_w) <= 0 then
    return false;
  end if;
  select jsonb_object_agg(o.key, o.value) into v_overruns
  from jsonb_each(v_overruns) as o
  where o.value ? 'held' and (to_jsonb(p_spent) ->> o.key)::numeric > 0;
  if v_overruns is not null then
    perform core.write_activity(
      p_workspace, 'sharedstate', 'budget_hold_overrun',
      jsonb_build_object('subsystem', p_subsystem, 'overruns', v_overruns), p_execution_id
    );
  end if;
  -- `upto`: the sum of this reservation and all older ones.
  update public.budget_reservations as r
  set
    mass_kg = least(greatest(o.upto_mass_kg - p_spent.mass_kg, 0), r.mass_kg),
    cost_usd = least(greatest(o.upto_cost_usd - p_spent.cost_usd, 0), r.cost_usd),
    power_w = least(greatest(o.upto_power_w - p_spent.power_w, 0), r.power_w)
  from (
    select
      l.reservation_id, sum(l.mass_kg) over older as upto_mass_kg, sum(l.cost_usd) over older as upto_cost_usd,
      sum(l.power_w) over older as upto_power_w
    from core.live_reservations as l
    where l.workspace = p_workspace and l.subsystem = p_subsystem
      and l.execution_id = p_execution_id and l.agent_name = coalesce(core.claimed_agent(), l.agent_name)
    window older as (order by l.reserved_at, l.reservation_id)
  ) as o
  where r.workspace = p_workspace and r.subsystem = p_subsystem and r.reservation_id = o.reservation_id;
  delete from public.budget_reservations as r
  where r.workspace = p_workspace and r.subsystem = p_subsystem and r.mass_kg + r.cost_usd + r.power_w = 0;
  return true;
end;
$$;

-- Gives these reservations back, as far as they are still there, logs it and returns them.
create or replace function core.end_reservations(p_workspace text, p_reservation_ids uuid[])
returns public.budget_reservations[]
language plpgsql
set search_path = ''
as $$
declare
  v_row public.budget_reservations;
  v_rows public.budget_reservations[] := array[]::public.budget_reservations[];
begin
  for v_row in
    delete from public.budget_reservations as r
    where r.workspace = p_workspace and r.reservation_id = any(p_reservation_ids)
    returning r.*
  loop
    perform core.write_activity(
      p_workspace, v_row.agent_name, 'budget_released',
      jsonb_build_object('subsystem', v_row.subsystem, 'reservation_id', v_row.reservation_id),
      v_row.execution_id
    );
    v_rows := v_rows || v_row;
  end loop;
  return v_rows;
end;
$$;

-- Budget can be reserved of, moved from and moved to: names with an allocation, known subsystems, and the reserve.
create or replace function core.require_budget_name(
  p_workspace text,
  p_argument text,
  p_name text,
  p_allocations jsonb
)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  if p_name <> 'reserve' and not p_allocations ? p_name and not exists (
    select from public.subsystems as s where s.workspace = p_workspace and s.name = p_name
  ) then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', p_argument, 'reason', 'is no known subsystem', 'value', p_name),
      'Name a subsystem, or reserve.'
    );
  end if;
  return true;
end;
$$;
