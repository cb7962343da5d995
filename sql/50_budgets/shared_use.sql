-- Who uses how much of what the totals leave unallocated, quantity by quantity. Of these amounts none changes
-- while the workspace's row is held: see core.hold_shared_budget.
create or replace function core.shared_use(p_constraints public.global_constraints)
returns table (subsystem text, quantity text, amount numeric)
language plpgsql
stable
set search_path = ''
as $$
begin
  return query
  select s.name, q.name, a.amount
  from public.subsystems as s
  cross join lateral unnest(core.shared_quantities(p_constraints, s.name)) as q (name)
  cross join lateral (
    select case q.name when 'mass_kg' then s.current_mass_kg else s.current_cost_usd end as amount
  ) as a
  where s.workspace = p_constraints.workspace and a.amount > 0;
end;
$$;
