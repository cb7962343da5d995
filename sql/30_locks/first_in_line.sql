-- The ticket whose turn it is for a resource, or null where nobody alive waits.
create or replace function core.first_in_line(p_workspace text, p_resource core.resource)
returns bigint
language plpgsql
set search_path = ''
as $$
declare
  v_ticket bigint;
begin
  select t.ticket_id into v_ticket
  from core.lock_ticket_resources as r
  inner join core.lock_tickets as t on r.ticket_id = t.ticket_id
  where r.workspace = p_workspace
    and r.resource_type = p_resource.resource_type and r.resource_name = p_resource.resource_name
    and core.is_live_ticket(t)
  order by r.queue_key, r.ticket_id
  limit 1;
  return v_ticket;
end;
$$;
