-- {"from_subsystem": "reserve", "to_subsystem": "actuation", "mass_kg": 1, "cost_usd": 0, "power_w": 50}: the
-- amounts, of which those that are absent are 0.
create or replace function core.require_budget_transfer(p_transfer jsonb)
returns core.amounts
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_amounts jsonb := '{"mass_kg": 0, "cost_usd": 0, "power_w": 0}';
  v_entry record;
  v_reason text;
begin
  perform core.require_object('budget_transfer', p_transfer);
  perform core.require_name('budget_transfer.from_subsystem', p_transfer ->> 'from_subsystem');
  perform core.require_name('budget_transfer.to_subsystem', p_transfer ->> 'to_subsystem');
  for v_entry in select * from jsonb_each(p_transfer - array['from_subsystem', 'to_subsystem']) loop
    if v_amounts ? v_entry.key then
      perform core.require_amount('budget_transfer.' || v_entry.key, v_entry.value);
      v_entry.value := to_jsonb(core.round_amount(v_entry.value::numeric));
    else
      v_reason := 'has an unknown key: ' || left(v_entry.key, 200);
    end if;
    v_amounts := v_amounts || jsonb_build_object(v_entry.key, v_entry.value);
  end loop;
  if p_transfer ->> 'from_subsystem' = p_transfer ->> 'to_subsystem' then
    v_reason := 'goes to where it comes from';
  elsif v_amounts = '{"mass_kg": 0, "cost_usd": 0, "power_w": 0}' then
    v_reason := 'moves nothing';
  end if;
  if v_reason is not null then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'budget_transfer', 'reason', v_reason),
      'Use from_subsystem and to_subsystem, and at least one of mass_kg, cost_usd and power_w.'
    );
  end if;
  return jsonb_populate_record(null::core.amounts, v_amounts);
end;
$$;
