-- The value stays jsonb until it is known to be a JSON number: a cast would accept the string "NaN". What is
-- kept of it, core.round_amount, has to be an amount too.
create or replace function core.require_amount(p_argument text, p_value jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_amount constant numeric := case when jsonb_typeof(p_value) = 'number' then p_value::numeric end;
begin
  if not (core.is_amount(v_amount) and core.is_amount(core.round_amount(v_amount))) then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', p_argument, 'reason', 'is not an amount', 'value', left(p_value::text, 200)),
      'Use a JSON number of at least 0 and less than 1e12.'
    );
  end if;
  return true;
end;
$$;
