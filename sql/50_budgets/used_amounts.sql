-- Of no row: nothing is used.
create or replace function core.used_amounts(p_row public.subsystems)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return core.amounts(p_row.current_mass_kg, p_row.current_cost_usd, p_row.current_power_w);
end;
$$;
