-- The agents that a waiter is told of: who holds what it waits for, be it another thread of its own, and where
-- nobody does, who is before it in line.
create or replace function core.waiting_for(p_ticket core.lock_tickets)
returns text[]
language plpgsql
stable
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_wanted constant core.resource[] := core.ticket_resources(p_ticket.ticket_id);
begin
  return array(
    with held as materialized (
      select row(l.resource_type, l.resource_name)::core.resource as resource, l.locked_by as agent_name
      from unnest(v_wanted) as w
      inner join public.agent_locks as l
        on l.resource_type = w.resource_type and l.resource_name = w.resource_name
      where l.workspace = p_ticket.workspace and l.expires_at > clock_timestamp()
    )

    select held.agent_name from held
    union
    select b.agent_name from core.blockers(p_ticket) as b
    where (select count(*) from held) < cardinality(v_wanted)
      and not exists (select from held where held.resource = b.resource)
    order by 1
  );
end;
$$;
