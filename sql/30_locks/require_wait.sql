create or replace function core.require_wait(p_wait_seconds numeric, p_request_id uuid)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  if p_wait_seconds is null or not p_wait_seconds between 0 and 86400 then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'wait_seconds', 'reason', 'is out of range', 'value', p_wait_seconds),
      'Use 0 to 86400 seconds.'
    );
  elsif p_wait_seconds > 0 and p_request_id is null then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'request_id', 'reason', 'is missing'),
      'A request that waits is known by its request_id: send a new uuid.'
    );
  end if;
  return true;
end;
$$;
