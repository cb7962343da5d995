-- After a change of allocations, in its transaction: within_budget and the conflict of each of these
-- subsystems, whose rows the caller holds.
--
-- The version of a status stays: nobody wrote one, and whoever is about to need not read again.
create or replace function core.recheck_budgets(
  p_workspace text,
  p_names text[],
  p_allocations jsonb,
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
    select s.name, o.overruns from public.subsystems as s
    cross join lateral core.overruns(p_allocations -> s.name, core.used_amounts(s)) as o (overruns)
    where s.workspace = p_workspace and s.name = any(p_names)
    order by coalesce(o.overruns, '{}') = '{}', s.name
  loop
    update public.subsystems as s set within_budget = v_checked.overruns = '{}'
    where s.workspace = p_workspace and s.name = v_checked.name
      and s.within_budget is distinct from (v_checked.overruns = '{}');
    perform core.watch_budget(p_workspace, v_checked.name, v_checked.overruns, p_execution_id);
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;
