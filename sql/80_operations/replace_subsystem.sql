-- An import's row takes the place of the untouched default.
create or replace function core.replace_subsystem(p_row public.subsystems)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  update public.subsystems as s
  set
    state = p_row.state,
    current_mass_kg = p_row.current_mass_kg,
    current_cost_usd = p_row.current_cost_usd,
    current_power_w = p_row.current_power_w,
    within_budget = p_row.within_budget,
    iteration = p_row.iteration,
    metadata = p_row.metadata,
    version = p_row.version,
    last_execution_id = p_row.last_execution_id,
    created_at = p_row.created_at,
    updated_at = p_row.updated_at
  where s.workspace = p_row.workspace and s.name = p_row.name;
  return found;
end;
$$;
