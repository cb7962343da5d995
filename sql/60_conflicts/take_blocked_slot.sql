-- Of the parking slots (see core.take_parking_slot) blocked agents may have the last half, and at most
-- that: the others are for locks. Who waits for a lock tries them from the first on.
create or replace function core.take_blocked_slot()
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_slots constant integer := core.parking_slots();
begin
  for v_slot in reverse v_slots..v_slots - v_slots / 2 + 1 loop
    if core.try_parking_slot(v_slot) then
      return true;
    end if;
  end loop;
  return false;
end;
$$;
