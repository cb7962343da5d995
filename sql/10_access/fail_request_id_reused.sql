create or replace function core.fail_request_id_reused(p_request_id uuid, p_first_used_by text)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return core.fail(
    'request_id_reused',
    jsonb_build_object('request_id', p_request_id, 'first_used_by', p_first_used_by),
    'Make a new request_id for every new call; repeat one only with the same arguments.'
  );
end;
$$;
