-- What a status that is written, but not committed, does to budgets: refused if it is strict and over; else it
-- spends reservations, and conflicts follow. Returns the row.
--
-- Where it may change the use of what the totals leave unallocated, the caller holds the workspace's row, and
-- p_shared_overruns are those from before it, else null. Others are looked at only where it begins or ends such an
-- overrun: then all who take part in it, and those who are just being written too. Their rows may be locked beside
-- its own, because nobody who holds one of them waits for another.
create or replace function core.judge_status(
  p_old public.subsystems,
  p_new public.subsystems,
  p_constraints public.global_constraints,
  p_shared_overruns jsonb,
  p_execution_id text,
  p_strict boolean
)
returns public.subsystems
language plpgsql
set search_path = ''
as $$
declare
  v_allocation constant jsonb := p_constraints.budget_allocations -> p_new.name;
  v_used constant jsonb := core.used_amounts(p_new);
  v_overruns jsonb;
  v_names text[];
begin
  if p_strict then
    perform core.require_within_budget(p_new, p_constraints, p_execution_id);
  else
    perform core.note_hold_overrun(p_old, p_new, v_allocation, p_execution_id);
  end if;
  perform core.spend_reservations(
    p_new.workspace, p_new.name, p_execution_id, core.subtract_amounts(v_used, core.used_amounts(p_old))
  );
  if p_shared_overruns is not null then
    v_overruns := core.shared_overruns(p_constraints);
    v_names := p_new.name || core.sharers_of_change(p_constraints, p_shared_overruns, v_overruns);
    perform core.lock_subsystems(p_new.workspace, v_names);
    perform core.judge_budgets(p_constraints, v_names, v_overruns);
    perform core.watch_budgets(p_constraints, array[p_new.name], v_overruns, p_execution_id);
    select * into p_new from public.subsystems as s where s.workspace = p_new.workspace and s.name = p_new.name;
  else
    perform core.watch_budget(p_new.workspace, p_new.name, core.overruns(v_allocation, v_used), p_execution_id);
  end if;
  return p_new;
end;
$$;
