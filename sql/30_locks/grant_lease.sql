-- Grants the resource if it is free, else returns null. Lock order: fencing counter, then lease.
-- Both rows are taken `for update`: the counter, because two grants must never run side by side; the
-- lease, because a writer that was just checked holds it `for key share` until it commits, and only
-- `for update` waits for that. A plain UPDATE would steal the lease from under the write.
create or replace function core.grant_lease(
  p_workspace text,
  p_resource_type text,
  p_resource_name text,
  p_agent_name text,
  p_execution_id text,
  p_ttl_seconds integer,
  p_request_id uuid
)
returns public.agent_locks
language plpgsql
set search_path = ''
as $$
declare
  v_token bigint;
  v_old public.agent_locks;
  v_lease public.agent_locks;
begin
  -- A look without locks first: most attempts on a held resource end here, without a write.
  if exists (
    select from public.agent_locks as l
    where l.workspace = p_workspace and l.resource_type = p_resource_type
      and l.resource_name = p_resource_name and l.expires_at > clock_timestamp()
  ) then
    return null;
  end if;
  v_token := core.lock_fencing_counter(p_workspace, p_resource_type, p_resource_name) + 1;
  select * into v_old from public.agent_locks as l
  where l.workspace = p_workspace and l.resource_type = p_resource_type and l.resource_name = p_resource_name
  for update;
  if v_old.expires_at > clock_timestamp() then
    return null;
  end if;
  if v_old.locked_by is not null then
    perform core.write_lock_lost(v_old, 'expired and was taken over');
  end if;
  update core.fencing_counters as c set last_token = v_token
  where c.workspace = p_workspace and c.resource_type = p_resource_type and c.resource_name = p_resource_name;
  insert into public.agent_locks as l (
    workspace, resource_type, resource_name, locked_by, execution_id, expires_at, ttl_seconds,
    fencing_token, request_id
  ) values (
    p_workspace, p_resource_type, p_resource_name, p_agent_name, p_execution_id,
    clock_timestamp() + make_interval(secs => p_ttl_seconds), p_ttl_seconds, v_token, p_request_id
  )
  on conflict (workspace, resource_type, resource_name) do update set
    locked_by = excluded.locked_by,
    execution_id = excluded.execution_id,
    locked_at = excluded.locked_at,
    expires_at = excluded.expires_at,
    ttl_seconds = excluded.ttl_seconds,
    fencing_token = excluded.fencing_token,
    request_id = excluded.request_id
  returning l.* into v_lease;
  return v_lease;
end;
$$;
