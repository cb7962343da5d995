-- How many calls may be parked at any time, in the whole database: six, unless the database has a
-- setting of its own for a larger pool (see docs/locking.md).
create or replace function core.parking_slots()
returns integer
language plpgsql
stable
set search_path = ''
as $$
begin
  return coalesce(nullif(current_setting('sharedstate.parking_slots', true), '')::integer, 6);
end;
$$;
