-- Not within_budget, which the database finds out by itself.
create or replace function core.same_status(p_one public.subsystems, p_other public.subsystems)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return (
    p_one.state, p_one.current_mass_kg, p_one.current_cost_usd, p_one.current_power_w, p_one.iteration,
    p_one.metadata
  ) is not distinct from (
    p_other.state, p_other.current_mass_kg, p_other.current_cost_usd, p_other.current_power_w,
    p_other.iteration, p_other.metadata
  );
end;
$$;
