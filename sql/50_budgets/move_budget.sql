-- Moves a part of one budget to another and returns the new constraints. Never below zero, never into
-- what other executions hold, and what all have together stays what it was, but for what the second begins
-- with: core.first_allocation. Takes the workspace's row
-- and those of both subsystems. What the execution holds of the first is spent; a reservation that is
-- named ends with it.
create or replace function core.move_budget(
  p_workspace text,
  p_from text,
  p_to text,
  p_amounts jsonb,
  p_reason text,
  p_agent_name text,
  p_execution_id text,
  p_reservation_id uuid
)
returns public.global_constraints
language plpgsql
set search_path = ''
as $$
declare
  v_latest constant public.global_constraints := core.lock_constraints(p_workspace);
  v_allocations jsonb := v_latest.budget_allocations;
  v_overruns jsonb;
  v_hold public.budget_reservations;
  v_start jsonb;
  v_row public.global_constraints;
begin
  perform core.require_budget_name(p_workspace, 'from_subsystem', p_from, v_allocations);
  perform core.require_budget_name(p_workspace, 'to_subsystem', p_to, v_allocations);
  perform core.lock_subsystems(p_workspace, array[p_from, p_to]);
  if p_reservation_id is not null then
    v_hold := core.use_reservation(p_workspace, p_reservation_id, p_from, p_execution_id);
  end if;
  -- What it has no budget of, it cannot give: 0 is allocated.
  perform core.clear_reservations(p_workspace, p_from);
  v_overruns := core.overruns(
    core.amounts(0, 0, 0) || coalesce(v_allocations -> p_from, '{}'), p_amounts,
    core.held_amounts(p_workspace, p_from, p_execution_id)
  );
  if v_overruns <> '{}' then
    perform core.fail_over_budget(jsonb_build_object('subsystem', p_from), v_overruns);
  end if;
  perform core.spend_reservations(
    p_workspace, p_from, p_execution_id,
    core.subtract_amounts(p_amounts, core.amounts(v_hold.mass_kg, v_hold.cost_usd, v_hold.power_w))
  );
  v_start := core.first_allocation(v_latest, p_to, p_amounts);
  v_allocations := v_allocations || jsonb_build_object(
    p_from, coalesce(v_allocations -> p_from, '{}') || core.add_amounts(v_allocations -> p_from, p_amounts, -1),
    p_to, v_start || core.add_amounts(v_start, p_amounts, 1)
  );
  v_row := core.write_constraints(
    v_latest,
    core.constraints_content(v_latest) || jsonb_build_object('budget_allocations', v_allocations),
    p_agent_name, v_latest.version, p_execution_id
  );
  perform core.write_activity(
    p_workspace, p_agent_name, 'budget_transferred',
    jsonb_build_object(
      'from_subsystem', p_from, 'to_subsystem', p_to, 'amounts', p_amounts, 'reason', p_reason,
      'constraints_version', v_row.version
    ),
    p_execution_id
  );
  return v_row;
end;
$$;
