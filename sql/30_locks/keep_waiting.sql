-- Ends a look at the queue: for whom the ticket waits, when to ask again, and until when the waiter counts as alive.
-- Looks for a deadlock where one is possible, and has the waiter ask again soon: it is found when a member asks.
create or replace function core.keep_waiting(p_ticket core.lock_tickets, p_position integer)
returns public.lock_wait
language plpgsql
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_held interval;
  v_turn_ms double precision;
  v_holders text[];
  v_retry_ms integer;
  v_alive_until timestamptz;
begin
  -- What nobody holds, because another waits for more than this or a write is under way, counts as held since this
  -- wait began.
  select
    coalesce(max(clock_timestamp() - l.locked_at), clock_timestamp() - p_ticket.created_at),
    max(c.turn_ms), array_agg(distinct l.locked_by)
  into v_held, v_turn_ms, v_holders
  from core.lock_ticket_resources as r
  left join public.agent_locks as l
    on r.workspace = l.workspace and r.resource_type = l.resource_type and r.resource_name = l.resource_name
    and l.expires_at > clock_timestamp()
  left join core.fencing_counters as c
    on r.workspace = c.workspace and r.resource_type = c.resource_type and r.resource_name = c.resource_name
  where r.ticket_id = p_ticket.ticket_id;
  -- A grant lapses with its time to live, if nobody asks for it sooner.
  v_retry_ms := least(core.lock_retry_ms(p_position, v_held, v_turn_ms), 500 * p_ticket.ttl_seconds);
  if core.may_be_deadlocked(p_ticket) then
    perform core.refuse_deadlock(p_ticket, false);
    v_retry_ms := least(v_retry_ms, 1500);
  end if;
  v_alive_until := clock_timestamp() + (3 * v_retry_ms + 3000) * interval '1 millisecond';
  if p_ticket.alive_until not between v_alive_until and v_alive_until + interval '1 second' then
    -- With a second to spare, so that whoever asks often writes once a second. A crash of the server loses nothing
    -- but a place that is seen to be live anew.
    perform set_config('synchronous_commit', 'off', true);
    update core.lock_tickets as t set alive_until = v_alive_until + interval '1 second'
    where t.ticket_id = p_ticket.ticket_id;
  end if;
  if array_position(v_holders, null) is not null then
    v_holders := core.waiting_for(p_ticket);  -- not all of it is held: those before it in line count as well
  end if;
  return row('waiting', '{}'::public.agent_locks[], p_position, v_retry_ms, coalesce(v_holders, '{}'))::public.lock_wait;
end;
$$;
