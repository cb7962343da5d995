-- Resolves a conflict and moves budget, which may be what the conflict is about: so it is resolved before
-- the move looks at the budgets again, and a move that is not enough opens the next conflict. That turns
-- the lock order around, unless all that the move locks is locked first.
create or replace function core.settle_by_transfer(
  p_workspace text,
  p_conflict_id bigint,
  p_resolution text,
  p_resolved_by text,
  p_execution_id text,
  p_transfer jsonb
)
returns public.conflicts
language plpgsql
set search_path = ''
as $$
declare
  v_from constant text := p_transfer ->> 'from_subsystem';
  v_to constant text := p_transfer ->> 'to_subsystem';
  v_latest constant public.global_constraints := core.lock_constraints(p_workspace);
  v_watched constant text := core.watched_subsystem(p_workspace, p_conflict_id);
  v_row public.conflicts;
begin
  perform core.lock_subsystems(
    p_workspace, array[v_from, v_to, v_watched] || array(select u.subsystem from core.shared_use(v_latest) as u)
  );
  perform core.hold_conflict_counter(p_workspace);
  v_row := core.settle_conflict(
    p_workspace, p_conflict_id, p_resolution, p_resolved_by, p_execution_id,
    jsonb_build_object('budget_transfer', p_transfer)
  );
  perform core.move_budget(
    p_workspace, v_from, v_to, core.require_budget_transfer(p_transfer), p_resolution, p_resolved_by,
    p_execution_id, null
  );
  perform core.recheck_budget(p_workspace, v_watched, p_execution_id);
  return v_row;
end;
$$;
