-- Searches from a ticket along "waits for", breadth first, until it comes back to that ticket or to a
-- lease of its identity. Returns the cycle as a list of waits_for, or null.
create or replace function core.find_cycle(p_ticket core.lock_tickets)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  -- The tickets that were reached, and of each, which one of them led to it, by waiting for what.
  v_tickets core.lock_tickets[] := array[p_ticket];
  v_ids bigint[] := array[p_ticket.ticket_id];
  v_from integer[] := array[0];
  v_by core.resource[] := array[null]::core.resource[];
  v_at integer := 1;
  v_blocker core.blocker;
  v_next core.lock_tickets;
begin
  while v_at <= cardinality(v_ids) loop
    for v_blocker in select * from core.blockers(v_tickets[v_at]) loop
      for v_next in select * from core.waits_of(v_blocker, p_ticket.workspace) loop
        if v_next.ticket_id = p_ticket.ticket_id then
          return core.cycle_from(v_tickets, v_from, v_by, v_at, v_blocker.resource);
        elsif v_next.ticket_id <> all(v_ids) then
          v_tickets := array_append(v_tickets, v_next);
          v_ids := array_append(v_ids, v_next.ticket_id);
          v_from := array_append(v_from, v_at);
          v_by := array_append(v_by, v_blocker.resource);
        end if;
      end loop;
    end loop;
    v_at := v_at + 1;
  end loop;
  return null;
end;
$$;
