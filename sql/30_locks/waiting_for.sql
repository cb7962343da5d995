-- The agents that a waiter is told of: who holds what it waits for, and where nobody does, who is before it
-- in line.
create or replace function core.waiting_for(p_ticket core.lock_tickets)
returns text[]
language plpgsql
stable
set search_path = ''
as $$
begin
  return array(
    with b as materialized (select * from core.blockers(p_ticket))

    select distinct b.agent_name from b
    where b.ticket_id is null
      or not exists (select from b as h where h.resource = b.resource and h.ticket_id is null)
    order by 1
  );
end;
$$;
