-- Gives a waiter what it waits for if all of it is free and it is its turn everywhere, else null.
create or replace function core.grant_ticket(p_ticket core.lock_tickets)
returns public.agent_locks[]
language plpgsql
set search_path = ''
as $$
declare
  v_leases constant public.agent_locks[] := core.grant_leases(
    p_ticket.workspace, core.ticket_resources(p_ticket.ticket_id), p_ticket.agent_name, p_ticket.execution_id,
    p_ticket.ttl_seconds, p_ticket.request_id, p_ticket.ticket_id, true
  );
begin
  if v_leases is not null then
    -- The request is answered now: a late repetition must not queue for the lock once more. Not by
    -- remember_request: if the id was misused for another call meanwhile, a release must not fail by it.
    insert into core.requests (workspace, request_id, function_name, arguments_hash, answer)
    values (
      p_ticket.workspace, p_ticket.request_id, 'acquire_locks', p_ticket.arguments_hash, to_jsonb(v_leases)
    )
    on conflict do nothing;
  end if;
  return v_leases;
end;
$$;
