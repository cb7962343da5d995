-- The upper bound also refuses NaN and Infinity, which Postgres sorts above every number.
create or replace function core.is_amount(p_amount numeric)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return coalesce(p_amount >= 0 and p_amount < 1000000000000, false);
end;
$$;

comment on function core.is_amount(numeric) is
'True for a finite mass, cost or power: at least 0, less than 1e12.';
