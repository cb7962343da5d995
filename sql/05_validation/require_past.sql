create or replace function core.require_past(p_argument text, p_time timestamptz)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  if p_time is null or p_time > clock_timestamp() then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object(
        'argument', p_argument,
        'reason', case when p_time is null then 'is missing' else 'lies in the future' end,
        'value', p_time
      ),
      'Use a time that is over, with its zone.'
    );
  end if;
  return true;
end;
$$;
