-- Some calls at most are parked at any time, in the whole database, until their transaction ends: the
-- others of PostgREST's connections stay free, or a holder could not get in to release. A third of the
-- slots at most is for those who are second in line: with many locks, they are for those whose turn is
-- next.
create or replace function core.take_parking_slot(p_position integer)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_slots constant integer := core.parking_slots();
begin
  for v_slot in 1..case when p_position = 1 then v_slots else v_slots / 3 end loop
    if core.try_parking_slot(v_slot) then
      return true;
    end if;
  end loop;
  return false;
end;
$$;
