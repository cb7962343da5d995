-- The row lock on the workspace is held until commit: numbers have no gaps and are never given twice.
create or replace function core.next_conflict_id(p_workspace text)
returns bigint
language plpgsql
set search_path = ''
as $$
declare
  v_number bigint;
begin
  update core.workspaces as w set last_conflict_id = w.last_conflict_id + 1
  where w.name = p_workspace
  returning w.last_conflict_id into v_number;
  return v_number;
end;
$$;
