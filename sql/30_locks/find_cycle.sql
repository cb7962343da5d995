-- Searches from a ticket along "waits for", breadth first, until it comes back to that ticket or to a
-- lease of its identity. Returns the cycle as a list of waits_for, or null.
create or replace function core.find_cycle(p_ticket core.lock_tickets)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_paths jsonb[] := array['[]'::jsonb];
  v_frontier core.lock_tickets[] := array[p_ticket];
  v_seen bigint[] := array[]::bigint[];
  v_path jsonb;
  v_blocker core.blocker;
  v_next core.lock_tickets;
begin
  while cardinality(v_frontier) > 0 loop
    for v_blocker in select * from core.blockers(v_frontier[1]) loop
      v_path := v_paths[1] || core.waits_for(v_frontier[1], v_blocker.resource);
      for v_next in select * from core.waits_of(v_blocker, p_ticket.workspace) loop
        if v_next.ticket_id = p_ticket.ticket_id then
          return v_path;
        elsif v_next.ticket_id <> all(v_seen) then
          v_seen := v_seen || v_next.ticket_id;
          v_frontier := v_frontier || v_next;
          v_paths := v_paths || v_path;
        end if;
      end loop;
    end loop;
    v_frontier := v_frontier[2:];
    v_paths := v_paths[2:];
  end loop;
  return null;
end;
$$;
