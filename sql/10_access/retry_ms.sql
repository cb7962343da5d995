-- When to ask again: after a tenth of the time that the wait has lasted. So a waiter learns of the end late by a
-- twentieth of its wait on average, and asks often only while the wait is short.
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
