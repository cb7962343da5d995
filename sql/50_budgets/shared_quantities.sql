-- Of which quantities a subsystem has no allocation, but the robot a total: of these it takes from what all
-- such subsystems share, core.unallocated.
create or replace function core.shared_quantities(p_constraints public.global_constraints, p_subsystem text)
returns text[]
language plpgsql
immutable
set search_path = ''
as $$
begin
  return array(
    select t.quantity from (
      values ('mass_kg', p_constraints.total_mass_kg_max), ('cost_usd', p_constraints.total_cost_usd_max)
    ) as t (quantity, amount)
    where t.amount is not null
      and not coalesce(p_constraints.budget_allocations -> p_subsystem ? t.quantity, false)
  );
end;
$$;
