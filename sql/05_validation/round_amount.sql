-- Amounts are kept to a millionth. A program that computes with binary fractions sends 0.30000000000000004
-- for 0.3; kept as it is, a sum that fits would be over its budget by 4e-17.
create or replace function core.round_amount(p_amount numeric)
returns numeric
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case when scale(p_amount) > 6 then trim_scale(round(p_amount, 6)) else p_amount end;
end;
$$;
