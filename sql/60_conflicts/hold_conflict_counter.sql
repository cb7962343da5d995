-- Keeps other reports of this workspace away until commit: whether a duplicate is open stays true, and no
-- number is given meanwhile. It comes before every conflict row: a transaction that settles one conflict
-- and may report another takes it first.
create or replace function core.hold_conflict_counter(p_workspace text)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  perform from core.conflict_counters as n where n.workspace = p_workspace for no key update;
  return found;
end;
$$;
