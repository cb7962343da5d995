-- What acquire_lock and acquire_locks do when they know which resources are meant: all or none. Where
-- they are not free: with a wait the request is put in line, and the same call again, or wait_for_lock,
-- asks how it stands.
create or replace function core.take_leases(
  p_resources core.resource[],
  p_agent_name text,
  p_execution_id text,
  p_ttl_seconds integer,
  p_wait_seconds numeric,
  p_priority integer,
  p_request_id uuid
)
returns setof public.agent_locks
language plpgsql
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_ticket core.lock_tickets;
  v_leases public.agent_locks[];
begin
  perform
    core.require_agent('agent_name', p_agent_name),
    core.require_name('execution_id', p_execution_id),
    core.require_whole_number('ttl_seconds', to_jsonb(p_ttl_seconds), 1, 86400),
    core.require_wait(p_wait_seconds, p_request_id),
    core.require_whole_number('priority', to_jsonb(p_priority), 1, 4);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'acquire_locks',
    jsonb_build_array(p_resources, p_agent_name, p_execution_id, p_ttl_seconds)
  );
  if v_request.is_replay then
    -- The leases that were given then, as they are now: to show one that has ended would be a lie.
    return query select * from unnest(core.leases_of_request(v_workspace, p_request_id));
    return;
  end if;
  if p_request_id is not null then
    select * into v_ticket from core.lock_tickets as t
    where t.workspace = v_workspace and t.request_id = p_request_id;
    if found then
      if v_ticket.arguments_hash <> v_request.arguments_hash then
        perform core.fail_request_id_reused(p_request_id, v_request.function_name);
      end if;
      return query select * from unnest((core.await_ticket(v_workspace, p_request_id)).leases);
      return;
    end if;
  end if;
  v_leases := core.grant_leases(
    v_workspace, p_resources, p_agent_name, p_execution_id, p_ttl_seconds, p_request_id, null, p_wait_seconds > 0
  );
  if v_leases is not null then
    perform core.remember_request(v_request, to_jsonb(v_leases));
    return query select * from unnest(v_leases);
  elsif p_wait_seconds > 0 then
    perform core.enqueue(
      v_request, p_resources, p_agent_name, p_execution_id, p_ttl_seconds, p_wait_seconds, p_priority
    );
  end if;
  -- A refusal is not remembered: it changed nothing, and polling would write a row each time.
end;
$$;
