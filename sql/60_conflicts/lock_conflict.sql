-- Locks a conflict's row until commit; its number may be wrong.
create or replace function core.lock_conflict(p_workspace text, p_conflict_id bigint)
returns public.conflicts
language plpgsql
set search_path = ''
as $$
declare
  v_row public.conflicts;
begin
  select * into v_row from public.conflicts as c
  where c.workspace = p_workspace and c.conflict_id = p_conflict_id
  for no key update;
  if not found then
    perform core.fail_unknown_conflict(p_conflict_id);
  end if;
  return v_row;
end;
$$;
