-- Whether somebody else waits for what the identity of this ticket holds.
create or replace function core.is_in_the_way(p_ticket core.lock_tickets)
returns boolean
language plpgsql
stable
set search_path = ''
set enable_seqscan = off
as $$
begin
  return exists (
    select from public.agent_locks as l
    cross join lateral (
      select from core.lock_ticket_resources as r
      where r.workspace = l.workspace and r.resource_type = l.resource_type and r.resource_name = l.resource_name
        and r.ticket_id <> p_ticket.ticket_id
      limit 1
    ) as r
    where l.workspace = p_ticket.workspace
      and l.execution_id = p_ticket.execution_id and l.locked_by = p_ticket.agent_name
      and l.expires_at > clock_timestamp()
  );
end;
$$;
