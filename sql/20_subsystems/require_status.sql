-- Checks a status as it arrives: the types of the keys that are columns. Other keys are metadata.
create or replace function core.require_status(p_subsystem text, p_status jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_key text;
begin
  perform core.require_patch('status', p_status);
  if p_status ? 'name' and p_status ->> 'name' is distinct from p_subsystem then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'status.name', 'reason', 'names another subsystem', 'value', p_status -> 'name'),
      'Leave name out, or write to the subsystem that it names.'
    );
  end if;
  foreach v_key in array array['current_mass_kg', 'current_cost_usd', 'current_power_w'] loop
    if p_status ? v_key then
      perform core.require_amount('status.' || v_key, p_status -> v_key);
    end if;
  end loop;
  if p_status ? 'state' then
    perform core.require_label('status.state', case
      when jsonb_typeof(p_status -> 'state') = 'string' then p_status ->> 'state'
    end);
  end if;
  if p_status ? 'iteration' then
    perform core.require_whole_number('status.iteration', p_status -> 'iteration', 0, 2147483647);
  end if;
  if jsonb_typeof(p_status -> 'version') <> 'null' then
    perform core.require_whole_number('status.version', p_status -> 'version', 0, 9007199254740991);
  end if;
  if p_status ? 'within_budget' and jsonb_typeof(p_status -> 'within_budget') not in ('boolean', 'null') then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'status.within_budget', 'reason', 'is neither true, false nor null'),
      'Send true or false.'
    );
  end if;
  return true;
end;
$$;
