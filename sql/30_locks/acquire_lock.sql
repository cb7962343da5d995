create or replace function core.acquire_lock(
  p_resource_type text,
  p_resource_name text,
  p_agent_name text,
  p_execution_id text,
  p_ttl_seconds integer,
  p_request_id uuid
)
returns setof public.agent_locks
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_lease public.agent_locks;
begin
  perform core.require_name('resource_type', p_resource_type);
  perform core.require_name('resource_name', p_resource_name);
  perform core.require_agent('agent_name', p_agent_name);
  perform core.require_name('execution_id', p_execution_id);
  perform core.require_whole_number('ttl_seconds', to_jsonb(p_ttl_seconds), 1, 86400);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'acquire_lock',
    jsonb_build_array(p_resource_type, p_resource_name, p_agent_name, p_execution_id, p_ttl_seconds)
  );
  if v_request.is_replay then
    -- The lease that was given then, as it is now: if it has ended, to show it again would be a lie.
    return query select l.* from public.agent_locks as l
    where l.workspace = v_workspace and l.resource_type = p_resource_type
      and l.resource_name = p_resource_name and l.request_id = p_request_id
      and l.expires_at > clock_timestamp();
    return;
  end if;
  v_lease := core.grant_lease(
    v_workspace, p_resource_type, p_resource_name, p_agent_name, p_execution_id, p_ttl_seconds, p_request_id
  );
  -- A refusal is not remembered: it changed nothing, and polling would write a row each time.
  if v_lease.fencing_token is not null then
    perform core.remember_request(v_request, to_jsonb(v_lease));
    return next v_lease;
  end if;
end;
$$;

create or replace function public.acquire_lock(
  resource_type text,
  resource_name text,
  agent_name text,
  execution_id text,
  ttl_seconds integer default 300,
  request_id uuid default null
)
returns setof public.agent_locks
language sql
rows 1
set search_path = ''
as $$
  select * from core.acquire_lock(resource_type, resource_name, agent_name, execution_id, ttl_seconds, request_id);
$$;

comment on function public.acquire_lock(text, text, text, text, integer, uuid) is
'Takes the lease of a resource: its row if granted, nothing (an empty list) if somebody holds it.

A lease lasts ttl_seconds (1 to 86400) by the database''s clock unless renewed; an expired one is free to take at
once. Not reentrant: the holder is refused as well. Send the fencing_token with every write that the lease protects.';
