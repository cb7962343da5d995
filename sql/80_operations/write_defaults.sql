-- The default design: the limits, budgets and subsystems of the humanoid. Only fills what is absent;
-- the marker `init` lets an import replace it as long as nobody has touched it.
create or replace function core.write_defaults(p_workspace text)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_latest constant public.global_constraints := core.lock_constraints(p_workspace);
  v_count integer;
begin
  insert into public.subsystems (workspace, name, last_execution_id)
  select p_workspace, n.name, 'init'
  from unnest(array[
    'actuation', 'integration', 'power', 'sensing', 'shell', 'skeleton', 'system_architect'
  ]) as n (name)
  on conflict do nothing;
  get diagnostics v_count = row_count;
  if v_latest.version = 0 then
    insert into public.global_constraints (
      workspace, version, total_mass_kg_max, total_cost_usd_max, height_m, voltage_v, budget_allocations, created_by
    ) values (
      p_workspace, core.next_constraints_version(v_latest), 45, 15000, 1.75, 48,
      '{
        "skeleton": {"mass_kg": 15, "cost_usd": 3000},
        "actuation": {"mass_kg": 12, "cost_usd": 6000, "power_w": 800},
        "power": {"mass_kg": 8, "cost_usd": 2000, "power_w": 50},
        "sensing": {"mass_kg": 3, "cost_usd": 2500, "power_w": 50},
        "shell": {"mass_kg": 5, "cost_usd": 1000},
        "reserve": {"mass_kg": 2, "cost_usd": 500}
      }',
      'init'
    );
    v_count := v_count + 1;
  end if;
  return v_count;
end;
$$;
