-- Before a conflict is opened again or gets another target: a second open one of the same source, target and
-- key would split what belongs together. The caller holds the counter, so that this stays true.
create or replace function core.require_no_duplicate(p_conflict public.conflicts, p_target text)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_other bigint;
begin
  select c.conflict_id into v_other
  from unnest(array[p_target, p_conflict.reported_to]) as t (name)
  cross join core.find_open_conflict(
    p_conflict.workspace, p_conflict.source_agent, t.name, p_conflict.conflict_key
  ) as c
  where c.conflict_id <> p_conflict.conflict_id
  limit 1;
  if found then
    perform core.fail(
      'conflict_duplicate',
      jsonb_build_object('conflict_id', p_conflict.conflict_id, 'duplicate_of', v_other),
      'Go on with the open one of the same source, target and key: its number is in duplicate_of.'
    );
  end if;
  return true;
end;
$$;
