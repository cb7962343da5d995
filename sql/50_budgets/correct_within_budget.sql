-- What an import says of budgets that are kept is not believed where it is wrong. It opens no conflict: an
-- export brings its own along, with their numbers. The caller holds the workspace's row.
create or replace function core.correct_within_budget(p_constraints public.global_constraints)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_shared_overruns jsonb;
  v_count integer;
begin
  perform core.lock_subsystems(p_constraints.workspace, array(
    select s.name from public.subsystems as s where s.workspace = p_constraints.workspace
  ));
  v_shared_overruns := core.shared_overruns(p_constraints);
  update public.subsystems as s
  set within_budget = core.is_within_budget(s, p_constraints, v_shared_overruns)
  where s.workspace = p_constraints.workspace and s.within_budget is not null
    and s.within_budget is distinct from core.is_within_budget(s, p_constraints, v_shared_overruns);
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
