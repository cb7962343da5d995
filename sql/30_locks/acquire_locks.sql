create or replace function core.acquire_locks(
  p_resources jsonb,
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
  return query select * from core.take_leases(
    core.require_resources(p_resources), p_agent_name, p_execution_id, p_ttl_seconds, p_wait_seconds, p_priority,
    p_request_id
  );
end;
$$;

create or replace function public.acquire_locks(
  resources jsonb,
  agent_name text,
  execution_id text,
  ttl_seconds integer default 300,
  wait_seconds numeric default 0,
  priority integer default 3,
  request_id uuid default null
)
returns setof public.agent_locks
language sql
set search_path = ''
as $$
  select * from core.acquire_locks(
    resources, agent_name, execution_id, ttl_seconds, wait_seconds, priority, request_id
  );
$$;

comment on function public.acquire_locks(jsonb, text, text, integer, numeric, integer, uuid) is
'Takes the leases of several resources, all of them or none: their rows, or an empty list.

resources: [{"resource_type": "subsystem", "resource_name": "skeleton"}, ...]. The rest as acquire_lock. While it
waits, a request holds nothing.';
