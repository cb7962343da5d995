-- The queue for locks, which acquire_lock, acquire_locks and checkout_subsystem share.
--
-- A request gets all of its resources, or none. If they are not free and it is ready to wait, it gets a ticket: a row
-- of core.lock_tickets, and one of core.lock_ticket_resources in the line of each resource, by queue_key and ticket_id.
-- While it waits it holds nothing. Its client asks by wait_for_lock, or by the same call again (waiters.sql). A
-- resource is granted to the first live ticket in its line, and a new request never overtakes a live ticket. A ticket
-- whose client does not ask any more is skipped, and deleted when another request queues for the same resource.
--
-- Lock order: request id, then what a grant locks (leases.sql), then tickets.

-- The first live ticket in the line of a resource, or null if there is none.
create or replace function core.first_in_line(p_workspace text, p_resource core.resource)
returns bigint
language plpgsql
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_ticket_id bigint;
begin
  for v_ticket_id in
    select r.ticket_id from core.lock_ticket_resources as r
    where r.workspace = p_workspace
      and r.resource_type = p_resource.resource_type and r.resource_name = p_resource.resource_name
    order by r.queue_key, r.ticket_id
  loop
    perform from core.live_lock_tickets as t where t.ticket_id = v_ticket_id;
    if found then
      return v_ticket_id;
    end if;
  end loop;
  return null;
end;
$$;

-- Puts a request in line, unless its wait would close a cycle of agents that wait for each other.
create or replace function core.enqueue(p_ticket core.lock_tickets, p_resources core.resource[], p_wait_seconds numeric)
returns boolean
language plpgsql
set search_path = ''
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
declare
  -- Tickets whose client has been silent for a minute; `skip locked`, because another call may be deleting them.
  v_dead constant bigint[] := array(
    select dead.ticket_id
    from unnest(p_resources) as w
    cross join lateral (
      select r.ticket_id from core.lock_ticket_resources as r
      where r.workspace = p_ticket.workspace
        and r.resource_type = w.resource_type and r.resource_name = w.resource_name
      offset 0
    ) as line
    cross join lateral (
      select d.ticket_id from core.lock_tickets as d
      where d.ticket_id = line.ticket_id
        and least(d.alive_until, d.gives_up_at) < clock_timestamp() - interval '60 seconds'
      for update skip locked
    ) as dead
  );
  v_ticket core.lock_tickets;
begin
  if v_dead <> '{}' then
    delete from core.lock_tickets as t where t.ticket_id = any(v_dead);
  end if;
  insert into core.lock_tickets as t (
    workspace, request_id, arguments_hash, agent_name, execution_id, ttl_seconds, priority, queue_key, gives_up_at
  ) values (
    p_ticket.workspace, p_ticket.request_id, p_ticket.arguments_hash, p_ticket.agent_name, p_ticket.execution_id,
    p_ticket.ttl_seconds, p_ticket.priority,
    clock_timestamp() + (p_ticket.priority - 3) * interval '30 seconds',
    clock_timestamp() + make_interval(secs => p_wait_seconds)
  )
  returning t.* into v_ticket;
  perform core.make_fencing_counters(v_ticket.workspace, p_resources);
  insert into core.lock_ticket_resources (workspace, resource_type, resource_name, queue_key, ticket_id)
  select v_ticket.workspace, r.resource_type, r.resource_name, v_ticket.queue_key, v_ticket.ticket_id
  from unnest(p_resources) as r;
  return core.refuse_deadlock(v_ticket, true);
end;
$$;

-- Returns the leases. Or an empty list: with p_wait_seconds above 0 the request is in line now, else it is refused.
create or replace function core.take_leases(
  p_resources core.resource[],
  p_agent_name text,
  p_execution_id text,
  p_ttl_seconds integer,
  p_wait_seconds numeric,
  p_priority integer,
  p_request_id uuid
)
returns public.agent_locks[]
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
    core.require_whole_number('priority', to_jsonb(p_priority), 1, 4);
  if (p_wait_seconds between 0 and 86400) is not true then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'wait_seconds', 'reason', 'is out of range', 'value', p_wait_seconds),
      'Use 0 to 86400 seconds.'
    );
  elsif p_wait_seconds > 0 and p_request_id is null then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'request_id', 'reason', 'is missing'),
      'A request that waits is known by its request_id: send a new uuid.'
    );
  end if;
  v_request := core.recall_request(
    v_workspace, p_request_id, 'acquire_locks',
    jsonb_build_array(p_resources, p_agent_name, p_execution_id, p_ttl_seconds)
  );
  if v_request.is_replay then
    -- Not the remembered answer: some of its leases may have ended since.
    return core.leases_of_request(v_workspace, p_request_id);
  elsif p_request_id is not null then
    -- It may be in line already, and this the same call again.
    select * into v_ticket from core.lock_tickets as t
    where t.workspace = v_workspace and t.request_id = p_request_id;
    if v_ticket.arguments_hash <> v_request.arguments_hash then
      perform core.fail(
        'request_id_reused',
        jsonb_build_object('request_id', p_request_id, 'first_used_by', v_request.function_name),
        'Make a new request_id for every new call; repeat one only with the same arguments.'
      );
    elsif v_ticket.ticket_id is not null then
      return (core.answer_waiter(v_workspace, p_request_id)).leases;
    end if;
  end if;
  -- Not in line: a ticket without a ticket_id, and without gives_up_at if the caller is not ready to wait.
  v_ticket.workspace := v_workspace;
  v_ticket.request_id := p_request_id;
  v_ticket.arguments_hash := v_request.arguments_hash;
  v_ticket.agent_name := p_agent_name;
  v_ticket.execution_id := p_execution_id;
  v_ticket.ttl_seconds := p_ttl_seconds;
  v_ticket.priority := p_priority;
  if p_wait_seconds > 0 then
    v_ticket.gives_up_at := clock_timestamp() + make_interval(secs => p_wait_seconds);
  end if;
  v_leases := core.grant_leases(v_ticket, p_resources);
  if v_leases is not null then
    perform core.remember_request(v_request, to_jsonb(v_leases));
  elsif p_wait_seconds > 0 then
    perform core.enqueue(v_ticket, p_resources, p_wait_seconds);
  end if;
  -- A refusal is not remembered: it changed nothing, and a client that polls would write a row each time.
  return coalesce(v_leases, '{}');
end;
$$;
