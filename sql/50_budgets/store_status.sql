-- Writes a status that is put together, by the caller, who holds the subsystem's row: with within_budget.
--
-- Where it changes the use of what the totals leave unallocated, the workspace's row is held, and where it does
-- not, the allocation that makes the difference: core.hold_shared_budget.
create or replace function core.store_status(
  p_old public.subsystems,
  p_new public.subsystems,
  p_status jsonb,
  p_execution_id text,
  p_strict boolean
)
returns public.subsystems
language plpgsql
set search_path = ''
as $$
declare
  v_constraints constant public.global_constraints := core.latest_constraints(p_old.workspace);
  v_shared_overruns constant jsonb := case
    when core.shared_quantities(v_constraints, p_old.name) <> '{}' then core.shared_overruns(v_constraints)
  end;
begin
  update public.subsystems as s
  set
    state = p_new.state,
    current_mass_kg = p_new.current_mass_kg,
    current_cost_usd = p_new.current_cost_usd,
    current_power_w = p_new.current_power_w,
    within_budget = core.is_within_budget(p_new, v_constraints, v_shared_overruns),
    iteration = p_new.iteration,
    metadata = p_new.metadata,
    version = s.version + 1,
    last_execution_id = p_execution_id,
    updated_at = clock_timestamp()
  where s.workspace = p_old.workspace and s.name = p_old.name
  returning s.* into p_new;
  return core.judge_status(p_old, p_new, v_constraints, case
    when core.changes_shared_use(v_constraints, p_old.name, p_status) then v_shared_overruns
  end, p_execution_id, p_strict);
end;
$$;
