-- Three amounts that are moved or held, as one object; rounded, at least one of them is above 0.
create or replace function core.require_amounts(p_mass_kg numeric, p_cost_usd numeric, p_power_w numeric)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_amounts constant jsonb := core.amounts(
    core.round_amount(p_mass_kg), core.round_amount(p_cost_usd), core.round_amount(p_power_w)
  );
begin
  perform core.require_amount('mass_kg', to_jsonb(p_mass_kg));
  perform core.require_amount('cost_usd', to_jsonb(p_cost_usd));
  perform core.require_amount('power_w', to_jsonb(p_power_w));
  if v_amounts = core.amounts(0, 0, 0) then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'mass_kg', 'reason', 'and cost_usd and power_w are all 0'),
      'Name at least one amount above 0.'
    );
  end if;
  return v_amounts;
end;
$$;
