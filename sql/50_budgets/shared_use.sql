-- Who uses how much of what the totals leave unallocated, quantity by quantity: see core.shared_quantities, which to
-- call for each row would be most of the work. Of these amounts none changes while the workspace's row is held: see
-- core.hold_shared_budget.
create or replace function core.shared_use(p_constraints public.global_constraints)
returns table (subsystem text, quantity text, amount numeric)
language plpgsql
stable
set search_path = ''
as $$
begin
  return query
  select s.name, q.name, q.amount
  from public.subsystems as s
  cross join lateral (
    values
    ('mass_kg', p_constraints.total_mass_kg_max, s.current_mass_kg),
    ('cost_usd', p_constraints.total_cost_usd_max, s.current_cost_usd)
  ) as q (name, total, amount)
  where s.workspace = p_constraints.workspace and q.total is not null and q.amount > 0
    and not coalesce(p_constraints.budget_allocations -> s.name ? q.name, false);
end;
$$;
