-- The default design: the limits, budgets and subsystems of the humanoid. Only fills what is absent;
-- the marker `init` lets an import replace it as long as nobody has touched it. Where there are statuses already
-- they are judged by these limits, as by any others: before the subsystems that nobody has written are there. To
-- make those last is within the lock order: whoever else makes one holds the workspace's row, so none is waited for.
create or replace function core.write_defaults(p_workspace text)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_latest constant public.global_constraints := core.lock_constraints(p_workspace, true);
  v_count integer;
begin
  if v_latest.version = 0 then
    perform core.write_constraints(v_latest, jsonb_populate_record(v_latest, '{
      "total_mass_kg_max": 45, "total_cost_usd_max": 15000, "height_m": 1.75, "voltage_v": 48,
      "budget_allocations": {
        "skeleton": {"mass_kg": 15, "cost_usd": 3000},
        "actuation": {"mass_kg": 12, "cost_usd": 6000, "power_w": 800},
        "power": {"mass_kg": 8, "cost_usd": 2000, "power_w": 50},
        "sensing": {"mass_kg": 3, "cost_usd": 2500, "power_w": 50},
        "shell": {"mass_kg": 5, "cost_usd": 1000},
        "reserve": {"mass_kg": 2, "cost_usd": 500}
      }
    }'), 'init', null, null);
  end if;
  insert into public.subsystems (workspace, name, last_execution_id)
  select p_workspace, n.name, 'init'
  from unnest(array[
    'actuation', 'integration', 'power', 'sensing', 'shell', 'skeleton', 'system_architect'
  ]) as n (name)
  on conflict do nothing;
  get diagnostics v_count = row_count;
  return v_count + (v_latest.version = 0)::integer;
end;
$$;
