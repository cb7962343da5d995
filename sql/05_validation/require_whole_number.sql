create or replace function core.require_whole_number(
  p_argument text,
  p_value jsonb,
  p_least bigint,
  p_most bigint
)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_is_valid boolean := false;
begin
  if jsonb_typeof(p_value) = 'number' then
    v_is_valid := p_value::numeric between p_least and p_most and p_value::numeric = trunc(p_value::numeric);
  end if;
  if not v_is_valid then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', p_argument, 'reason', 'is out of range', 'value', left(p_value::text, 200)),
      format('Use a whole number from %s to %s.', p_least, p_most)
    );
  end if;
  return true;
end;
$$;
