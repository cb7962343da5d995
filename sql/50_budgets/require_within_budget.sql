-- Refuses a strict status, which is written but not committed, if it exceeds its budget, or takes what another
-- execution holds, or has a part in an overrun of what is shared.
create or replace function core.require_within_budget(
  p_row public.subsystems,
  p_constraints public.global_constraints,
  p_execution_id text
)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_shared_overruns jsonb;
  v_overruns jsonb;
begin
  perform core.clear_reservations(p_row.workspace, p_row.name);
  v_overruns := core.overruns(
    p_constraints.budget_allocations -> p_row.name, core.used_amounts(p_row),
    core.held_amounts(p_row.workspace, p_row.name, p_execution_id)
  );
  if coalesce(v_overruns, '{}') <> '{}' then
    return core.fail_over_budget(jsonb_build_object('subsystem', p_row.name), v_overruns);
  end if;
  v_shared_overruns := core.shared_overruns(p_constraints);
  if core.is_within_budget(p_row, p_constraints, v_shared_overruns) is false then
    return core.fail_over_budget(jsonb_build_object('subsystem', p_row.name, 'scope', 'robot'), v_shared_overruns);
  end if;
  return true;
end;
$$;
