-- How a waiting request stands. The first two in line may be parked here for up to p_park_ms, so that
-- they see a release within milliseconds; everybody else is told when to ask again. While it parks, a
-- call holds no lock on any row and has written nothing.
create or replace function core.await_ticket(p_workspace text, p_request_id uuid, p_park_ms integer)
returns public.lock_wait
language plpgsql
set search_path = ''
as $$
declare
  v_until constant timestamptz := clock_timestamp() + p_park_ms * interval '1 millisecond';
  v_is_parked boolean := false;
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
    continue when v_position is null;  -- it was granted, or cancelled, just now
    if v_position = 1 and not core.is_any_held(p_workspace, core.ticket_resources(v_ticket.ticket_id)) then
      v_leases := core.grant_ticket(v_ticket);
      if v_leases is not null then
        return row('granted', v_leases, 0, 0, '{}')::public.lock_wait;
      end if;
      exit;  -- it locked what it could not have, a lease that was just renewed: not to be kept while parked
    end if;
    exit when v_position > 2 or clock_timestamp() >= v_until;
    v_is_parked := v_is_parked or core.take_parking_slot(v_position);
    exit when not v_is_parked;
    -- A grant takes the ticket out of the queue, and to see that is cheap. All else (the holder lapsed,
    -- the one before has left) may wait for the next full look.
    for v_glance in 1..20 loop
      perform pg_sleep(0.002);
      exit when not exists (select from core.lock_tickets as t where t.ticket_id = v_ticket.ticket_id);
    end loop;
  end loop;
  return core.keep_waiting(v_ticket, v_position);
end;
$$;
