-- When to ask again, in relation to how long the wait has lasted: after a tenth of that, so that whoever waits learns
-- late by a twentieth of it on average, and asks often only where the wait is short.
create or replace function core.retry_ms(p_waited interval, p_least_ms integer, p_most_ms integer)
returns integer
language plpgsql
immutable
set search_path = ''
as $$
begin
  return least(p_most_ms, greatest(p_least_ms, extract(epoch from p_waited) * 1000 / 10))::integer;
end;
$$;
