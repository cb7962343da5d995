-- The critical conflicts that keep an agent from checking out; none while its call is a repetition, which
-- gets its lease also when a conflict came between, or nobody would know of it. Holds the counter of the
-- subsystem's lease, unless it found any: a writer may be at it, and a conflict come while we wait for
-- its end, so it looks again after that. Null if that one does not come to an end.
create or replace function core.checkout_blockers(
  p_workspace text,
  p_subsystem text,
  p_agent_name text,
  p_is_repetition boolean
)
returns public.conflicts[]
language plpgsql
set search_path = ''
as $$
declare
  v_blockers public.conflicts[];
begin
  if p_is_repetition then
    return array[]::public.conflicts[];
  end if;
  v_blockers := core.critical_blockers(p_workspace, p_agent_name);
  if cardinality(v_blockers) = 0 then
    if not core.lock_fencing_counter(p_workspace, 'subsystem', p_subsystem) then
      return null;
    end if;
    v_blockers := core.critical_blockers(p_workspace, p_agent_name);
  end if;
  return v_blockers;
end;
$$;
