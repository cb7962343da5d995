create or replace function core.same_constraints(p_one public.global_constraints, p_other public.global_constraints)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return (
    p_one.total_mass_kg_max, p_one.total_cost_usd_max, p_one.height_m, p_one.voltage_v,
    p_one.budget_allocations, p_one.metadata
  ) is not distinct from (
    p_other.total_mass_kg_max, p_other.total_cost_usd_max, p_other.height_m, p_other.voltage_v,
    coalesce(p_other.budget_allocations, '{}'), coalesce(p_other.metadata, '{}')
  );
end;
$$;
