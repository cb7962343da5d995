-- For arguments of any type that have no null of their own: JSON callers can send null for each.
create or replace function core.require_present(p_argument text, p_value jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  if p_value is null then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', p_argument, 'reason', 'is missing'),
      'Send a value instead of null, or leave the argument out if it has a default.'
    );
  end if;
  return true;
end;
$$;
