-- The digits of a number from the first to the last that is not 0: those that it takes to write it.
create or replace function core.count_digits(p_number numeric)
returns integer
language plpgsql
immutable
set search_path = ''
as $$
begin
  return length(trim(both '0' from translate(p_number::text, '-.', '')));
end;
$$;
