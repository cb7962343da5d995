-- 1 for the next in line; for several resources the worst of its places. Counts no further than 100.
create or replace function core.ticket_position(p_ticket core.lock_tickets)
returns integer
language plpgsql
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_position integer;
begin
  select 1 + max(ahead.tickets) into v_position
  from core.lock_ticket_resources as r
  cross join lateral (
    select count(*)::integer as tickets
    from (
      select from core.lock_ticket_resources as a
      cross join lateral (
        select from core.lock_tickets as t
        where t.ticket_id = a.ticket_id and core.is_live_ticket(t)
        offset 0
      ) as t
      where a.workspace = r.workspace and a.resource_type = r.resource_type and a.resource_name = r.resource_name
        and (a.queue_key, a.ticket_id) < (r.queue_key, r.ticket_id)
      limit 100
    ) as t
  ) as ahead
  where r.ticket_id = p_ticket.ticket_id;
  return v_position;
end;
$$;
