-- Whether a ticket may be on a cycle now, or be on one before it asks again. Every cycle leads through a lease whose
-- holder waits: somebody waits for what this identity holds, or will, once another ticket of it is granted.
create or replace function core.may_be_deadlocked(p_ticket core.lock_tickets)
returns boolean
language plpgsql
stable
set search_path = ''
set enable_seqscan = off
as $$
begin
  return core.is_in_the_way(p_ticket) or exists (
    select from core.lock_tickets as t
    where t.workspace = p_ticket.workspace
      and t.execution_id = p_ticket.execution_id and t.agent_name = p_ticket.agent_name
      and t.ticket_id <> p_ticket.ticket_id
  );
end;
$$;
