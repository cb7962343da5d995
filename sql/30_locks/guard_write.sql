-- Checks that the caller may write the subsystem: refused if another execution has its lease, or if the lease of the
-- fencing token has ended. The locks that it takes keep that true until commit. Returns the agent for the log.
-- p_is_released: the caller deletes the lease later. Then the lease is locked `for update` at once: two transactions
-- that share it first and upgrade later would deadlock.
-- Lock order: the workspace (share) if the subsystem does not exist yet, fencing counter (share), lease.
create or replace function core.guard_write(
  p_workspace text,
  p_subsystem text,
  p_execution_id text,
  p_fencing_token bigint,
  p_is_released boolean default false
)
returns text
language plpgsql
set search_path = ''
as $$
declare
  v_claimed_agent constant text := core.claimed_agent();
  v_lease public.agent_locks;
  v_is_mine boolean;
begin
  perform core.lock_absent_subsystem(p_workspace, p_subsystem);
  perform core.share_fencing_counter(p_workspace, 'subsystem', p_subsystem);
  if p_is_released then
    perform from public.agent_locks as l
    where l.workspace = p_workspace and l.resource_type = 'subsystem' and l.resource_name = p_subsystem
    for update;
  end if;
  select * into v_lease from public.agent_locks as l
  where l.workspace = p_workspace and l.resource_type = 'subsystem' and l.resource_name = p_subsystem
    and l.expires_at > clock_timestamp()
  for key share;
  v_is_mine := v_lease.locked_by = coalesce(v_claimed_agent, v_lease.locked_by) and case
    when p_fencing_token is null then v_lease.execution_id = p_execution_id
    else v_lease.fencing_token = p_fencing_token
  end;
  if p_fencing_token is not null and v_is_mine is not true then
    perform core.fail_lease_lost('subsystem', p_subsystem, p_fencing_token, v_lease);
  elsif v_lease.locked_by is not null and v_is_mine is not true then
    perform core.fail(
      'resource_locked',
      jsonb_build_object(
        'resource_type', 'subsystem', 'resource_name', p_subsystem, 'locked_by', v_lease.locked_by,
        'execution_id', v_lease.execution_id, 'expires_at', v_lease.expires_at
      ),
      'Acquire the lock of this subsystem first, or wait until its holder has released it.'
    );
  end if;
  perform core.require_optional_name('agent', v_claimed_agent);  -- nobody else checks a claim that goes into the log
  return coalesce(v_claimed_agent, v_lease.locked_by, p_execution_id, 'unknown');
end;
$$;
