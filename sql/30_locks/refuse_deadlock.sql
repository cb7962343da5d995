-- Ends a cycle that this ticket is on. When a wait begins, it is the new one that loses, at once; the
-- error undoes all that its call did, so it is told to the caller and not to the log. A cycle that came
-- about later (two waits began together, a lease changed hands) loses its youngest wait, which is told
-- so at its next call; to raise here would undo the mark.
create or replace function core.refuse_deadlock(p_ticket core.lock_tickets, p_is_new boolean)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_cycle jsonb;
  v_loser core.lock_tickets;
begin
  -- Every cycle leads through a lease: it has a member that holds what another one awaits, and it does if
  -- those look. Most waiters need not, and a search may have to walk along whole lines.
  if not core.is_in_the_way(p_ticket) then
    return false;
  end if;
  v_cycle := core.find_cycle(p_ticket);
  if v_cycle is null then
    return false;
  end if;
  if p_is_new then
    perform core.fail_deadlock(v_cycle);
  end if;
  update core.lock_tickets as t set refused = v_cycle
  where t.refused is null and t.ticket_id = (
    select max((e.value ->> 'ticket_id')::bigint) from jsonb_array_elements(v_cycle) as e
  )
  returning t.* into v_loser;
  if found then
    perform core.write_activity(
      v_loser.workspace, v_loser.agent_name, 'lock_refused', jsonb_build_object('reason', 'deadlock', 'cycle', v_cycle),
      v_loser.execution_id
    );
  end if;
  return true;
end;
$$;
