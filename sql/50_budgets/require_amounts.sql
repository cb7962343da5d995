-- Three amounts that are moved or held, at least one of them above 0, as one object.
create or replace function core.require_amounts(p_mass_kg numeric, p_cost_usd numeric, p_power_w numeric)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  perform core.require_amount('mass_kg', to_jsonb(p_mass_kg));
  perform core.require_amount('cost_usd', to_jsonb(p_cost_usd));
  perform core.require_amount('power_w', to_jsonb(p_power_w));
  if p_mass_kg + p_cost_usd + p_power_w = 0 then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'mass_kg', 'reason', 'and cost_usd and power_w are all 0'),
      'Name at least one amount above 0.'
    );
  end if;
  return core.amounts(p_mass_kg, p_cost_usd, p_power_w);
end;
$$;
