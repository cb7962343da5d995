-- Resolves a conflict by a word alone. One about a budget that is still exceeded is not at an end by that:
-- the next one opens at once.
create or replace function core.settle_by_hand(
  p_workspace text,
  p_conflict_id bigint,
  p_resolution text,
  p_resolved_by text,
  p_execution_id text
)
returns public.conflicts
language plpgsql
set search_path = ''
as $$
declare
  v_watched constant text := core.watched_subsystem(p_workspace, p_conflict_id);
  v_row public.conflicts;
begin
  if v_watched is not null then
    -- Before the conflict's row, which the look at the budget may open anew.
    perform core.lock_constraints(p_workspace);
    perform core.lock_subsystems(p_workspace, array[v_watched]);
    perform core.hold_conflict_counter(p_workspace);
  end if;
  v_row := core.settle_conflict(p_workspace, p_conflict_id, p_resolution, p_resolved_by, p_execution_id);
  perform core.recheck_budget(p_workspace, v_watched, p_execution_id);
  return v_row;
end;
$$;
