-- Who stands before a ticket: the holders of what it waits for, and the ticket before it in each line.
-- A holder of its own execution is left out: another thread may well release what this one awaits.
create or replace function core.blockers(p_ticket core.lock_tickets)
returns setof core.blocker
language plpgsql
stable
set search_path = ''
set enable_seqscan = off
as $$
begin
  return query
  select l.execution_id, l.locked_by, row(l.resource_type, l.resource_name)::core.resource, null::bigint
  from core.lock_ticket_resources as r
  inner join public.agent_locks as l
    on r.workspace = l.workspace and r.resource_type = l.resource_type and r.resource_name = l.resource_name
  where r.ticket_id = p_ticket.ticket_id
    and l.expires_at > clock_timestamp() and l.execution_id <> p_ticket.execution_id
  union all
  select t.execution_id, t.agent_name, row(r.resource_type, r.resource_name)::core.resource, t.ticket_id
  from core.lock_ticket_resources as r
  cross join lateral (
    select b.* from core.lock_ticket_resources as a
    cross join lateral (
      select t.execution_id, t.agent_name, t.ticket_id from core.lock_tickets as t
      where t.ticket_id = a.ticket_id and core.is_live_ticket(t)
      offset 0
    ) as b
    where a.workspace = r.workspace and a.resource_type = r.resource_type and a.resource_name = r.resource_name
      and (a.queue_key, a.ticket_id) < (r.queue_key, r.ticket_id)
    order by a.queue_key desc, a.ticket_id desc
    limit 1
  ) as t
  where r.ticket_id = p_ticket.ticket_id;
end;
$$;
