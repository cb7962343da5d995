-- Amounts of the three quantities as one object; null counts as 0.
create or replace function core.amounts(p_mass_kg numeric, p_cost_usd numeric, p_power_w numeric)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return jsonb_build_object(
    'mass_kg', coalesce(p_mass_kg, 0), 'cost_usd', coalesce(p_cost_usd, 0), 'power_w', coalesce(p_power_w, 0)
  );
end;
$$;
