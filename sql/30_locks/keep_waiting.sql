-- Ends a look at the queue: shows that the waiter is alive, looks for a deadlock, and says when to ask
-- again: the sooner, the nearer its turn is. The first two in line get here when no parking slot was
-- free: there are many locks, and all of their waiters together must leave the servers room to work.
create or replace function core.keep_waiting(p_ticket core.lock_tickets, p_position integer)
returns public.lock_wait
language plpgsql
set search_path = ''
as $$
begin
  if p_ticket.seen_at < clock_timestamp() - interval '1 second' then
    -- Losing this on a crash of the server loses nothing but a place that is seen to be live anew.
    perform set_config('synchronous_commit', 'off', true);
    update core.lock_tickets as t set seen_at = clock_timestamp() where t.ticket_id = p_ticket.ticket_id;
  end if;
  perform core.refuse_deadlock(p_ticket, false);
  return row(
    'waiting',
    '{}'::public.agent_locks[],
    p_position,
    case when p_position <= 2 then p_position * 20 else least(500, (p_position - 1) * 20) end,
    core.waiting_for(p_ticket)
  )::public.lock_wait;
end;
$$;
