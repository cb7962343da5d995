-- The budgets of all subsystems and the reserve together must not exceed what the whole may have.
create or replace function core.require_fitting_allocations(
  p_allocations jsonb,
  p_total_mass_kg_max numeric,
  p_total_cost_usd_max numeric
)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_sums jsonb;
  v_overruns jsonb;
begin
  select jsonb_build_object(
    'mass_kg', coalesce(sum((a.value ->> 'mass_kg')::numeric), 0),
    'cost_usd', coalesce(sum((a.value ->> 'cost_usd')::numeric), 0)
  ) into v_sums
  from jsonb_each(p_allocations) as a;
  v_overruns := core.overruns(
    jsonb_strip_nulls(jsonb_build_object('mass_kg', p_total_mass_kg_max, 'cost_usd', p_total_cost_usd_max)), v_sums
  );
  if coalesce(v_overruns, '{}') <> '{}' then
    perform core.fail_over_budget('{"scope": "robot"}', v_overruns);
  end if;
  return true;
end;
$$;
