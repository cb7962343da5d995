-- Tickets whose client is gone for good; `skip locked`, because another newcomer may be at it.
create or replace function core.forget_dead_tickets(p_workspace text, p_resources core.resource[])
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_count integer;
begin
  delete from core.lock_tickets as t
  using (
    select d.ticket_id
    from core.lock_tickets as d
    inner join core.lock_ticket_resources as r on d.ticket_id = r.ticket_id
    inner join unnest(p_resources) as w
      on r.workspace = p_workspace and r.resource_type = w.resource_type and r.resource_name = w.resource_name
    where least(d.seen_at, d.gives_up_at) < clock_timestamp() - interval '60 seconds'
    for update of d skip locked
  ) as dead
  where t.ticket_id = dead.ticket_id;
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
