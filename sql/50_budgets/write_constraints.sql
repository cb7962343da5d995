-- Publishes the version after p_latest, whose lock the caller holds, and looks at the budgets again.
--
-- It locks the rows of all subsystems whose budget changes, before anything else is done, so that a status
-- that is written meanwhile comes either before, and is seen here, or after, and sees the new budgets. Those who
-- have no allocation share what the totals leave: any change may be one to them.
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
  v_names constant text[] := array(
    select coalesce(o.key, n.key)
    from jsonb_each(p_latest.budget_allocations) as o
    full join jsonb_each(v_row.budget_allocations) as n on o.key = n.key
    where o.value is distinct from n.value
    order by 1
  );
  v_is_limited constant boolean := (v_row.total_mass_kg_max is null, v_row.total_cost_usd_max is null)
    is distinct from (p_latest.total_mass_kg_max is null, p_latest.total_cost_usd_max is null);
  v_is_budget_changed constant boolean := v_names <> '{}' or (v_row.total_mass_kg_max, v_row.total_cost_usd_max)
    is distinct from (p_latest.total_mass_kg_max, p_latest.total_cost_usd_max);
  v_judged text[] := '{}';
begin
  -- An older design may exceed its totals already; that is no reason to refuse it another height.
  if v_is_budget_changed then
    perform core.require_fitting_allocations(
      v_row.budget_allocations, v_row.total_mass_kg_max, v_row.total_cost_usd_max
    );
    v_judged := v_names || array(
      select s.name from public.subsystems as s
      where s.workspace = v_row.workspace and (
        v_is_limited
        or exists (select from core.shared_use(p_latest) as u where u.subsystem = s.name)
        or exists (select from core.shared_use(v_row) as u where u.subsystem = s.name)
      )
    );
  end if;
  perform core.lock_subsystems(v_row.workspace, v_judged);
  perform core.require_holds(v_row.workspace, v_names, p_latest.budget_allocations, v_row.budget_allocations);
  v_row.version := p_latest.version + 1;
  v_row.base_version := p_base_version;
  v_row.merged := coalesce(p_base_version <> p_latest.version, false);
  v_row.created_by := p_created_by;
  v_row.created_at := clock_timestamp();
  insert into public.global_constraints select v_row.*;
  if v_is_budget_changed then
    perform core.recheck_budgets(v_row, v_judged, p_execution_id);
  end if;
  return v_row;
end;
$$;
