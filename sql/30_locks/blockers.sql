-- Who stands before a ticket: at each resource its holder, and the ticket before it in line. An identity
-- is an agent within an execution. What the ticket's own identity holds does not count: another of its
-- threads may well release it. Nor do, in the line, tickets of the holder's identity: they wait for
-- just such a thread, and what else they wait for comes with the holder (core.waits_of).
create or replace function core.blockers(p_ticket core.lock_tickets)
returns setof core.blocker
language plpgsql
stable
set search_path = ''
set enable_seqscan = off
as $$
begin
  return query
  select b.execution_id, b.agent_name, row(r.resource_type, r.resource_name)::core.resource, b.ticket_id
  from core.lock_ticket_resources as r
  left join public.agent_locks as h
    on r.workspace = h.workspace and r.resource_type = h.resource_type and r.resource_name = h.resource_name
    and h.expires_at > clock_timestamp()
  cross join lateral (
    select h.execution_id, h.locked_by as agent_name, null::bigint as ticket_id where h.locked_by is not null
    union all
    (
      select t.execution_id, t.agent_name, t.ticket_id
      from core.lock_ticket_resources as a
      cross join lateral (
        select t.execution_id, t.agent_name, t.ticket_id from core.lock_tickets as t
        where t.ticket_id = a.ticket_id and core.is_live_ticket(t)
          and (t.execution_id, t.agent_name) is distinct from (h.execution_id, h.locked_by)
        offset 0
      ) as t
      where a.workspace = r.workspace and a.resource_type = r.resource_type and a.resource_name = r.resource_name
        and (a.queue_key, a.ticket_id) < (r.queue_key, r.ticket_id)
      order by a.queue_key desc, a.ticket_id desc
      limit 1
    )
  ) as b
  where r.ticket_id = p_ticket.ticket_id
    and (h.execution_id, h.locked_by) is distinct from (p_ticket.execution_id, p_ticket.agent_name);
end;
$$;
