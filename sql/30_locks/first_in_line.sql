-- The ticket whose turn it is for a resource, or null where nobody alive waits.
create or replace function core.first_in_line(p_workspace text, p_resource core.resource)
returns bigint
language plpgsql
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_ticket bigint;
begin
  select t.ticket_id into v_ticket
  from core.lock_ticket_resources as r
  cross join lateral (
    select t.ticket_id from core.lock_tickets as t
    where t.ticket_id = r.ticket_id and core.is_live_ticket(t)
    offset 0
  ) as t
  where r.workspace = p_workspace
    and r.resource_type = p_resource.resource_type and r.resource_name = p_resource.resource_name
  order by r.queue_key, r.ticket_id
  limit 1;
  return v_ticket;
end;
$$;
