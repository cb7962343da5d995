-- Takes one of the parking slots until the transaction ends; false if another call has it. The slots are
-- advisory locks of a class of their own, a number that nothing else uses.
create or replace function core.try_parking_slot(p_slot integer)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return pg_try_advisory_xact_lock(1936220787, p_slot);
end;
$$;
