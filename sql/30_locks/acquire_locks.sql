-- All or none. Where they are not free: with wait_seconds the request is put in line, and the same
-- call again, or wait_for_lock, asks how it stands. acquire_lock is the same for one resource.
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
declare
  v_workspace constant text := core.current_workspace();
  v_resources core.resource[];
  v_request core.request;
  v_ticket core.lock_tickets;
  v_leases public.agent_locks[];
begin
  v_resources := core.require_resources(p_resources);
  perform core.require_agent('agent_name', p_agent_name);
  perform core.require_name('execution_id', p_execution_id);
  perform core.require_whole_number('ttl_seconds', to_jsonb(p_ttl_seconds), 1, 86400);
  perform core.require_wait(p_wait_seconds, p_request_id);
  perform core.require_whole_number('priority', to_jsonb(p_priority), 1, 4);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'acquire_locks',
    jsonb_build_array(v_resources, p_agent_name, p_execution_id, p_ttl_seconds)
  );
  if v_request.is_replay then
    -- The leases that were given then, as they are now: to show one that has ended would be a lie.
    v_leases := core.leases_of_request(v_workspace, p_request_id);
    if cardinality(v_leases) = cardinality(v_resources) then
      return query select * from unnest(v_leases);
    end if;
    return;
  end if;
  select * into v_ticket from core.lock_tickets as t
  where t.workspace = v_workspace and t.request_id = p_request_id;
  if found then
    if v_ticket.arguments_hash <> v_request.arguments_hash then
      perform core.fail_request_id_reused(p_request_id, v_ticket.function_name);
    end if;
    return query select * from unnest((core.await_ticket(v_workspace, p_request_id, 0)).leases);
    return;
  end if;
  v_leases := core.grant_leases(
    v_workspace, v_resources, p_agent_name, p_execution_id, p_ttl_seconds, p_request_id, null, p_wait_seconds > 0
  );
  if v_leases is not null then
    perform core.remember_request(v_request, to_jsonb(v_leases));
    return query select * from unnest(v_leases);
  elsif p_wait_seconds > 0 then
    perform core.enqueue(
      v_request, v_resources, p_agent_name, p_execution_id, p_ttl_seconds, p_wait_seconds, p_priority
    );
  end if;
  -- A refusal is not remembered: it changed nothing, and polling would write a row each time.
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
