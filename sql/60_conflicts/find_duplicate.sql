-- Another open conflict of the same source and key as this one, which was reported to this target or has it now, or
-- to whom this one was reported; null if there is none. Two would split what belongs together, and a report would
-- find either. The caller holds the counter, so that this stays true.
create or replace function core.find_duplicate(p_conflict public.conflicts, p_target text)
returns bigint
language plpgsql
set search_path = ''
as $$
begin
  return (
    select min(c.conflict_id)
    from unnest(array[p_target, p_conflict.reported_to]) as t (name)
    cross join core.find_open_conflict(
      p_conflict.workspace, p_conflict.source_agent, t.name, p_conflict.conflict_key
    ) as c
    where c.conflict_id <> p_conflict.conflict_id
  );
end;
$$;
