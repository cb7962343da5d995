-- After a change of what is allocated, in its transaction: within_budget and the conflict of each of these
-- subsystems, whose rows the caller holds, and the conflict of the robot. The caller holds the workspace's row.
create or replace function core.recheck_budgets(
  p_constraints public.global_constraints,
  p_names text[],
  p_execution_id text
)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_shared_overruns constant jsonb := core.shared_overruns(p_constraints);
begin
  perform core.judge_budgets(p_constraints, p_names, v_shared_overruns);
  return core.watch_budgets(p_constraints, p_names, v_shared_overruns, p_execution_id);
end;
$$;
