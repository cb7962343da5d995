-- The row lock on the counter is held until commit: numbers have no gaps and are never given twice.
create or replace function core.next_conflict_id(p_workspace text)
returns bigint
language plpgsql
set search_path = ''
as $$
declare
  v_number bigint;
begin
  update core.conflict_counters as n set last_conflict_id = n.last_conflict_id + 1
  where n.workspace = p_workspace
  returning n.last_conflict_id into v_number;
  return v_number;
end;
$$;
