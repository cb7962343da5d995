-- What keeps a blocker from going on: itself, if it is a ticket; if it is a holder, the tickets of its
-- execution, but for those that wait for what it holds: that is another of its threads, which waits
-- for the first like everybody else.
create or replace function core.waits_of(p_blocker core.blocker, p_workspace text)
returns setof core.lock_tickets
language plpgsql
stable
set search_path = ''
set enable_seqscan = off
as $$
begin
  return query
  select t.* from core.lock_tickets as t
  where t.ticket_id = p_blocker.ticket_id and core.is_live_ticket(t)
  union all
  select t.* from core.lock_tickets as t
  where p_blocker.ticket_id is null
    and t.workspace = p_workspace and t.execution_id = p_blocker.execution_id
    and core.is_live_ticket(t)
    and not p_blocker.resource = any(core.ticket_resources(t.ticket_id));
end;
$$;
