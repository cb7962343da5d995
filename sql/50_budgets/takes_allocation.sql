-- Whether new constraints take an allocation away, or set a total where there was none: then a subsystem that was
-- limited by its allocation, or by nothing, shares what the totals leave from now on.
create or replace function core.takes_allocation(p_old public.global_constraints, p_new public.global_constraints)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return (p_old.total_mass_kg_max is null and p_new.total_mass_kg_max is not null)
    or (p_old.total_cost_usd_max is null and p_new.total_cost_usd_max is not null)
    or exists (
      select from jsonb_each(p_old.budget_allocations) as o
      cross join lateral unnest(core.quantities()) as q (name)
      where o.value ? q.name and not coalesce(p_new.budget_allocations -> o.key ? q.name, false)
    );
end;
$$;
