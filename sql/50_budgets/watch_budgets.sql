-- Keeps the conflicts about the budgets of these subsystems, whose rows the caller holds, and the conflict of the
-- robot in step with their overruns. The caller holds the workspace's row.
create or replace function core.watch_budgets(
  p_constraints public.global_constraints,
  p_names text[],
  p_shared_overruns jsonb,
  p_execution_id text
)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_checked record;
  v_count integer := 0;
begin
  -- Overruns before those that have ended: a report takes the conflict counter, and that comes before
  -- every conflict's row.
  for v_checked in
    select c.name, coalesce(c.overruns, '{}') as overruns from (
      select s.name, core.overruns(p_constraints.budget_allocations -> s.name, core.used_amounts(s)) as overruns
      from public.subsystems as s
      where s.workspace = p_constraints.workspace and s.name = any(p_names)
      union all
      select null, p_shared_overruns
    ) as c
    order by coalesce(c.overruns, '{}') = '{}', c.name
  loop
    if v_checked.name is null then
      perform core.watch_totals(p_constraints, v_checked.overruns, p_execution_id);
    else
      perform core.watch_budget(p_constraints.workspace, v_checked.name, v_checked.overruns, p_execution_id);
    end if;
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;
