create or replace function core.fail_deadlock(p_cycle jsonb)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return core.fail(
    'deadlock',
    jsonb_build_object('cycle', p_cycle),
    'Release what you hold, then ask again; or take all of it at once with acquire_locks.'
  );
end;
$$;
