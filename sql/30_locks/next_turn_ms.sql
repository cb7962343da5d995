-- How long the turns at a lock last, after one more of them: smoothed, and rather less than their mean. A turn that is
-- taken for too short costs a question; one for too long delays the waiters, and so makes the next turns longer still.
create or replace function core.next_turn_ms(p_turn_ms double precision, p_lasted interval)
returns double precision
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_lasted_ms constant double precision := extract(epoch from p_lasted) * 1000;
begin
  return coalesce(
    p_turn_ms + (v_lasted_ms - p_turn_ms) * case when v_lasted_ms < p_turn_ms then 0.5 else 0.05 end, v_lasted_ms
  );
end;
$$;
