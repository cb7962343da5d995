-- Writes a lease with the next fencing token; the caller holds the locks and knows that the resource
-- is free. To whoever waits, or was ready to, a lease is given provisionally, for 10 s at most:
-- PostgREST does not notice that a client has gone away, so it is the client that confirms, by renew_lock.
create or replace function core.write_lease(
  p_workspace text,
  p_resource core.resource,
  p_agent_name text,
  p_execution_id text,
  p_ttl_seconds integer,
  p_request_id uuid,
  p_is_provisional boolean,
  p_has_waited boolean
)
returns public.agent_locks
language plpgsql
set search_path = ''
as $$
declare
  v_lapsed public.agent_locks;
  v_lease public.agent_locks;
begin
  select * into v_lapsed from public.agent_locks as l
  where l.workspace = p_workspace
    and l.resource_type = p_resource.resource_type and l.resource_name = p_resource.resource_name;
  if found then
    perform core.write_lock_lost(v_lapsed, 'expired and was taken over');
  end if;
  with counter as (
    update core.fencing_counters as c
    set
      last_token = c.last_token + 1,
      last_granted_at = clock_timestamp(),
      turn_ms = case
        when p_has_waited then core.next_turn_ms(c.turn_ms, clock_timestamp() - c.last_granted_at)
        else c.turn_ms
      end
    where c.workspace = p_workspace
      and c.resource_type = p_resource.resource_type and c.resource_name = p_resource.resource_name
    returning c.last_token
  )

  insert into public.agent_locks as l (
    workspace, resource_type, resource_name, locked_by, execution_id, expires_at, ttl_seconds,
    fencing_token, request_id, provisional
  )
  select
    p_workspace, p_resource.resource_type, p_resource.resource_name, p_agent_name, p_execution_id,
    clock_timestamp() + make_interval(
      secs => case when p_is_provisional then least(p_ttl_seconds, 10) else p_ttl_seconds end
    ),
    p_ttl_seconds, counter.last_token, p_request_id, p_is_provisional
  from counter
  on conflict (workspace, resource_type, resource_name) do update set
    locked_by = excluded.locked_by,
    execution_id = excluded.execution_id,
    locked_at = excluded.locked_at,
    expires_at = excluded.expires_at,
    ttl_seconds = excluded.ttl_seconds,
    fencing_token = excluded.fencing_token,
    request_id = excluded.request_id,
    provisional = excluded.provisional
  returning l.* into v_lease;
  return v_lease;
end;
$$;
