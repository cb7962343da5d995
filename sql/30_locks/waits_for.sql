-- One edge of a cycle, as it is told to the agent that is refused.
create or replace function core.waits_for(p_ticket core.lock_tickets, p_resource core.resource)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return jsonb_build_object(
    'agent_name', p_ticket.agent_name,
    'execution_id', p_ticket.execution_id,
    'waits_for', to_jsonb(p_resource),
    'ticket_id', p_ticket.ticket_id
  );
end;
$$;
