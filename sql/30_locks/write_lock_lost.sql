-- Grants and releases are too many to log; a lease that ended without its holder's doing is worth it.
create or replace function core.write_lock_lost(p_lease public.agent_locks, p_reason text)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return core.write_activity(
    p_lease.workspace, p_lease.locked_by, 'lock_lost',
    jsonb_build_object(
      'resource_type', p_lease.resource_type, 'resource_name', p_lease.resource_name,
      'fencing_token', p_lease.fencing_token, 'expires_at', p_lease.expires_at, 'reason', p_reason
    ),
    p_lease.execution_id
  ) is not null;
end;
$$;
