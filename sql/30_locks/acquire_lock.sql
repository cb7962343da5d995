create or replace function core.acquire_lock(
  p_resource_type text,
  p_resource_name text,
  p_agent_name text,
  p_execution_id text,
  p_ttl_seconds integer,
  p_wait_seconds numeric,
  p_priority integer,
  p_request_id uuid
)
returns setof public.agent_locks
language plpgsql
security definer
set search_path = ''
as $$
begin
  perform core.require_name('resource_type', p_resource_type), core.require_name('resource_name', p_resource_name);
  return query select * from unnest(core.take_leases(
    array[row(p_resource_type, p_resource_name)::core.resource], p_agent_name, p_execution_id, p_ttl_seconds,
    p_wait_seconds, p_priority, p_request_id
  ));
end;
$$;

create or replace function public.acquire_lock(
  resource_type text,
  resource_name text,
  agent_name text,
  execution_id text,
  ttl_seconds integer default 300,
  wait_seconds numeric default 0,
  priority integer default 3,
  request_id uuid default null
)
returns setof public.agent_locks
language sql
rows 1
set search_path = ''
as $$
  select core.acquire_lock(
    resource_type, resource_name, agent_name, execution_id, ttl_seconds, wait_seconds, priority, request_id
  );
$$;

comment on function public.acquire_lock(text, text, text, text, integer, numeric, integer, uuid) is
'Takes the lease of a resource: its row if granted, an empty list if somebody holds it, or is writing it and
not done within a second.

A lease lasts ttl_seconds (1 to 86400) by the database''s clock unless renewed; an expired one is free to take at
once. Not reentrant: the holder is refused as well. Send the fencing_token with every write that the lease protects.

With wait_seconds (and a request_id) an empty list means: in line, in order of arrival, priority 1 to 4 first. Call
wait_for_lock with that request_id until it answers granted, or cancel_lock_request. Whoever is ready to wait is given
a lease for 10 s at most, at once or later; confirm it by renew_lock to keep it for ttl_seconds.
deadlock if the wait would close a cycle of agents that wait for each other.';
