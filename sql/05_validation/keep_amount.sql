-- An amount as it is kept: rounded, unless its writer only sent back what it had read (p_known, null for none). An
-- import keeps all digits, and to send a whole row back with one change in it must not change the others.
create or replace function core.keep_amount(p_known numeric, p_sent numeric)
returns numeric
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case
    when p_sent in (p_known, p_known::double precision::text::numeric) then p_known
    else core.round_amount(p_sent)
  end;
end;
$$;
