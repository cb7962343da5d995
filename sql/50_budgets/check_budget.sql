-- By how much a status exceeds the budget of its subsystem, whose row the caller has locked; null where
-- it has none. Strict: refuses it, also where it takes what another execution holds.
create or replace function core.check_budget(p_row public.subsystems, p_execution_id text, p_strict boolean)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_allocation constant jsonb := core.latest_allocations(p_row.workspace) -> p_row.name;
  v_used constant jsonb := core.used_amounts(p_row);
  v_overruns jsonb;
begin
  if p_strict then
    perform core.clear_reservations(p_row.workspace, p_row.name);
    v_overruns := core.overruns(
      v_allocation, v_used, core.held_amounts(p_row.workspace, p_row.name, p_execution_id)
    );
    if coalesce(v_overruns, '{}') <> '{}' then
      perform core.fail_over_budget(jsonb_build_object('subsystem', p_row.name), v_overruns);
    end if;
  end if;
  return core.overruns(v_allocation, v_used);
end;
$$;
