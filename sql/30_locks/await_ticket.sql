-- How a waiting request stands. It answers at once: whoever has to wait does so on its own side, and costs nothing
-- meanwhile.
create or replace function core.await_ticket(p_workspace text, p_request_id uuid)
returns public.lock_wait
language plpgsql
set search_path = ''
as $$
declare
  v_ticket core.lock_tickets;
  v_position integer;
  v_leases public.agent_locks[];
begin
  loop
    select * into v_ticket from core.lock_tickets as t
    where t.workspace = p_workspace and t.request_id = p_request_id
      and t.agent_name = coalesce(core.claimed_agent(), t.agent_name);
    if v_ticket.refused is not null then
      perform core.fail_deadlock(v_ticket.refused);
    elsif v_ticket.gives_up_at > clock_timestamp() is not true then
      -- A grant takes the ticket away; so does an end of the wait.
      v_leases := core.leases_of_request(p_workspace, p_request_id);
      return row(case when v_leases = '{}' then 'gone' else 'granted' end, v_leases, 0, 0, '{}')::public.lock_wait;
    end if;
    v_position := core.ticket_position(v_ticket);
    exit when v_position is not null;  -- else it was granted, or cancelled, just now
  end loop;
  if v_position = 1 and not core.is_any_held(p_workspace, core.ticket_resources(v_ticket.ticket_id)) then
    v_leases := core.grant_ticket(v_ticket);
    if v_leases is not null then
      return row('granted', v_leases, 0, 0, '{}')::public.lock_wait;
    end if;
  end if;
  return core.keep_waiting(v_ticket, v_position);
end;
$$;
