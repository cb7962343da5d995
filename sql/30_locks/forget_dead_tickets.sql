-- Tickets whose client is gone for good; `skip locked`, because another newcomer may be at it.
create or replace function core.forget_dead_tickets(p_workspace text, p_resources core.resource[])
returns integer
language plpgsql
set search_path = ''
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_dead constant bigint[] := array(
    select dead.ticket_id
    from unnest(p_resources) as w
    cross join lateral (
      select r.ticket_id from core.lock_ticket_resources as r
      where r.workspace = p_workspace and r.resource_type = w.resource_type and r.resource_name = w.resource_name
      offset 0
    ) as line
    cross join lateral (
      select d.ticket_id from core.lock_tickets as d
      where d.ticket_id = line.ticket_id
        and least(d.alive_until, d.gives_up_at) < clock_timestamp() - interval '60 seconds'
      for update skip locked
    ) as dead
  );
begin
  if v_dead <> '{}' then
    delete from core.lock_tickets as t where t.ticket_id = any(v_dead);
  end if;
  return cardinality(v_dead);
end;
$$;
