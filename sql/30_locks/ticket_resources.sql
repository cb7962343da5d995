-- What a ticket waits for, in the order in which it is locked.
create or replace function core.ticket_resources(p_ticket_id bigint)
returns core.resource[]
language plpgsql
set search_path = ''
as $$
begin
  return array(
    select row(r.resource_type, r.resource_name)::core.resource
    from core.lock_ticket_resources as r
    where r.ticket_id = p_ticket_id
    order by r.resource_type, r.resource_name
  );
end;
$$;
