-- Puts a request in line, unless its wait would close a cycle of agents that wait for each other.
create or replace function core.enqueue(
  p_request core.request,
  p_resources core.resource[],
  p_agent_name text,
  p_execution_id text,
  p_ttl_seconds integer,
  p_wait_seconds numeric,
  p_priority integer
)
returns core.lock_tickets
language plpgsql
set search_path = ''
as $$
declare
  v_ticket core.lock_tickets;
begin
  perform core.forget_dead_tickets(p_request.workspace, p_resources);
  insert into core.lock_tickets as t (
    workspace, request_id, arguments_hash, agent_name, execution_id, ttl_seconds, priority,
    queue_key, gives_up_at
  ) values (
    p_request.workspace, p_request.request_id, p_request.arguments_hash, p_agent_name,
    p_execution_id, p_ttl_seconds, p_priority,
    clock_timestamp() + (p_priority - 3) * interval '30 seconds',
    clock_timestamp() + make_interval(secs => p_wait_seconds)
  )
  returning t.* into v_ticket;
  perform core.make_fencing_counters(p_request.workspace, p_resources);
  insert into core.lock_ticket_resources (workspace, resource_type, resource_name, queue_key, ticket_id)
  select p_request.workspace, r.resource_type, r.resource_name, v_ticket.queue_key, v_ticket.ticket_id
  from unnest(p_resources) as r;
  perform core.refuse_deadlock(v_ticket, true);
  return v_ticket;
end;
$$;
