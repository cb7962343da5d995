-- within_budget of each of these subsystems, whose rows the caller holds, by the overruns of what is shared.
--
-- The version of a status stays: nobody wrote one, and whoever is about to need not read again.
create or replace function core.judge_budgets(
  p_constraints public.global_constraints,
  p_names text[],
  p_shared_overruns jsonb
)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_count integer;
begin
  update public.subsystems as s
  set within_budget = core.is_within_budget(s, p_constraints, p_shared_overruns)
  where s.workspace = p_constraints.workspace and s.name = any(p_names)
    and s.within_budget is distinct from core.is_within_budget(s, p_constraints, p_shared_overruns);
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
