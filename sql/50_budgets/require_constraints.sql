-- Checks constraints as they arrive: amounts are numbers, allocations are objects of amounts.
create or replace function core.require_constraints(p_argument text, p_constraints jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_key text;
  v_allocation record;
begin
  perform core.require_patch(p_argument, p_constraints);
  foreach v_key in array array['total_mass_kg_max', 'total_cost_usd_max', 'height_m', 'voltage_v'] loop
    if jsonb_typeof(p_constraints -> v_key) <> 'null' then
      perform core.require_amount(p_argument || '.' || v_key, p_constraints -> v_key);
    end if;
  end loop;
  if not p_constraints ? 'budget_allocations' then
    return true;
  end if;
  perform core.require_object(p_argument || '.budget_allocations', p_constraints -> 'budget_allocations');
  for v_allocation in select * from jsonb_each(p_constraints -> 'budget_allocations') loop
    perform core.require_name(p_argument || '.budget_allocations', v_allocation.key);
    perform core.require_object(p_argument || '.budget_allocations.' || v_allocation.key, v_allocation.value);
    foreach v_key in array core.quantities() loop
      if v_allocation.value ? v_key then
        perform core.require_amount(
          format('%s.budget_allocations.%s.%s', p_argument, v_allocation.key, v_key), v_allocation.value -> v_key
        );
      end if;
    end loop;
  end loop;
  return true;
end;
$$;
