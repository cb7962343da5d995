-- What keeps a blocker from going on: itself, if it is a ticket; the tickets of its identity, if it is a
-- holder.
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
    and t.workspace = p_workspace and t.execution_id = p_blocker.execution_id and t.agent_name = p_blocker.agent_name
    and core.is_live_ticket(t);
end;
$$;
