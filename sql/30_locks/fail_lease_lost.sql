create or replace function core.fail_lease_lost(
  p_resource_type text,
  p_resource_name text,
  p_fencing_token bigint,
  p_holder public.agent_locks
)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return core.fail(
    'lease_lost',
    jsonb_build_object(
      'resource_type', p_resource_type, 'resource_name', p_resource_name,
      'fencing_token', p_fencing_token, 'held_by', p_holder.locked_by
    ),
    'The lease with this token has ended. Acquire the lock again, read again, and redo the work.'
  );
end;
$$;
