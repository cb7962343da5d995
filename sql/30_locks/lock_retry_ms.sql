-- When a waiter should ask again. The first in line: core.retry_ms of the time for which the lock has been held, and
-- not before half of what is left of a short turn. Those behind it: most of the turns before theirs later, each taken
-- for as long as the last ones lasted, or as this one has. So they ask the more seldom, the more are before them. At
-- most 5 s, because a grant that nobody asks for lapses after 10 s.
create or replace function core.lock_retry_ms(p_position integer, p_held interval, p_turn_ms double precision)
returns integer
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_held_ms constant double precision := coalesce(extract(epoch from p_held) * 1000, 0);
  v_turn_ms constant double precision := greatest(coalesce(p_turn_ms, v_held_ms), 25);
begin
  return least(
    5000,
    greatest(core.retry_ms(p_held, 5, 1000), least(25, (v_turn_ms - v_held_ms) / 2))
    + 0.8 * (p_position - 1) * v_turn_ms
  );
end;
$$;
