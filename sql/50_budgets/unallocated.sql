-- What the totals leave to those to whom nothing is allocated: {"mass_kg": 0, ...}, only the quantities that
-- have a total. The reserve is an allocation too. An imported design may allocate more than there is.
create or replace function core.unallocated(p_constraints public.global_constraints)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_object_agg(t.quantity, greatest(trim_scale(t.amount - a.amount), 0)), '{}')
    from (
      values ('mass_kg', p_constraints.total_mass_kg_max), ('cost_usd', p_constraints.total_cost_usd_max)
    ) as t (quantity, amount)
    cross join lateral (
      select coalesce(sum((b.value ->> t.quantity)::numeric), 0) as amount
      from jsonb_each(p_constraints.budget_allocations) as b
    ) as a
    where t.amount is not null
  );
end;
$$;
