-- Of no row: nothing is used.
create or replace function core.used_amounts(p_row public.subsystems)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return jsonb_build_object(
    'mass_kg', coalesce(p_row.current_mass_kg, 0),
    'cost_usd', coalesce(p_row.current_cost_usd, 0),
    'power_w', coalesce(p_row.current_power_w, 0)
  );
end;
$$;
