-- What reservations hold of a subsystem's budget (or of the reserve): {"mass_kg": 2, ...}. Those of
-- p_but_execution_id are not counted: they are its own to use.
create or replace function core.held_amounts(p_workspace text, p_subsystem text, p_but_execution_id text)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select core.amounts(sum(r.mass_kg), sum(r.cost_usd), sum(r.power_w))
    from public.budget_reservations as r
    where r.workspace = p_workspace and r.subsystem = p_subsystem
      and not core.is_own_reservation(r, p_but_execution_id)
      and core.is_live_reservation(r)
  );
end;
$$;
