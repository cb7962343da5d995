-- Whether a client that reads numbers as doubles sends p_sent back where it has read p_number. The same double
-- alone does not say so: whoever counts 90071992547409930 up, with all of its digits, stays at the same one.
-- It has to be written as doubles are, with no more digits than it takes to tell them apart. Each number in a
-- document is within the range of doubles: see core.require_readable.
create or replace function core.is_read_as(p_number numeric, p_sent numeric)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_double constant double precision := p_number;
begin
  return v_double = p_sent::double precision
    and core.count_digits(p_sent) <= core.count_digits(v_double::text::numeric);
end;
$$;
