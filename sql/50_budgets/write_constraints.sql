-- Publishes the version after p_latest, whose lock the caller holds, and looks at the budgets again.
--
-- It locks the rows of all subsystems whose budget changes, before anything else is done, so that a status
-- that is written meanwhile comes either before, and is seen here, or after, and sees the new budgets.
create or replace function core.write_constraints(
  p_latest public.global_constraints,
  p_content jsonb,
  p_created_by text,
  p_base_version integer,
  p_execution_id text
)
returns public.global_constraints
language plpgsql
set search_path = ''
as $$
declare
  v_row public.global_constraints := jsonb_populate_record(p_latest, p_content);
  v_is_budget_changed constant boolean := (
    v_row.budget_allocations, v_row.total_mass_kg_max, v_row.total_cost_usd_max
  ) is distinct from (p_latest.budget_allocations, p_latest.total_mass_kg_max, p_latest.total_cost_usd_max);
  v_names text[];
begin
  -- An older design may exceed its totals already; that is no reason to refuse it another height.
  if v_is_budget_changed then
    perform core.require_fitting_allocations(
      v_row.budget_allocations, v_row.total_mass_kg_max, v_row.total_cost_usd_max
    );
  end if;
  if core.takes_allocation(p_latest, v_row) then
    perform core.hold_allocations(v_row.workspace, true);
  end if;
  v_names := core.subsystems_to_judge(p_latest, v_row);
  perform core.lock_subsystems(v_row.workspace, v_names);
  perform core.require_holds(
    v_row.workspace, core.changed_allocations(p_latest, v_row), p_latest.budget_allocations, v_row.budget_allocations
  );
  v_row.version := core.next_constraints_version(p_latest);
  v_row.base_version := p_base_version;
  v_row.merged := coalesce(p_base_version <> p_latest.version, false);
  v_row.created_by := p_created_by;
  v_row.created_at := clock_timestamp();
  insert into public.global_constraints select v_row.*;
  if v_is_budget_changed then
    perform core.recheck_budgets(v_row, v_names, p_execution_id);
  end if;
  return v_row;
end;
$$;
