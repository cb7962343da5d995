create or replace function core.require_transfer(
  p_from text,
  p_to text,
  p_mass_kg numeric,
  p_cost_usd numeric,
  p_power_w numeric
)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  perform core.require_name('from_subsystem', p_from);
  perform core.require_name('to_subsystem', p_to);
  if p_from = p_to then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'to_subsystem', 'reason', 'is where the budget comes from', 'value', p_to),
      'Name two different subsystems.'
    );
  end if;
  return core.require_amounts(p_mass_kg, p_cost_usd, p_power_w);
end;
$$;
