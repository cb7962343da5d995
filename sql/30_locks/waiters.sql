-- Waiters: how a waiting request stands, and when its client should ask again.
--
-- No call waits inside the database. A waiter asks, is answered at once, and sleeps for retry_ms in the client. With
-- each answer its ticket counts as live for three times retry_ms and 3 s more; after that it is skipped. The first in
-- line is granted what is free when it asks. That is needed after an expiry, which runs no code, and if core.hand_over
-- could not lock something.
--
-- Lock order: reads without locks; then what a grant locks (leases.sql), or a ticket that is refused, and at the end
-- its own ticket.

-- When a waiter should ask again. The first in line: after a tenth of the time for which the resource has been locked
-- (core.retry_ms), 5 ms to 1 s, but not before half of what is left of a short turn. Those behind it: later by 0.8
-- turns for each ticket before them. A turn is taken to last as long as the last ones, or as this one so far. At most 5
-- s, because a provisional lease expires after 10 s.
create or replace function core.lock_retry_ms(p_position integer, p_locked_for interval, p_turn_ms double precision)
returns integer
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_locked_ms constant double precision := coalesce(extract(epoch from p_locked_for) * 1000, 0);
  v_turn_ms constant double precision := greatest(coalesce(p_turn_ms, v_locked_ms), 25);
begin
  return least(
    5000,
    greatest(core.retry_ms(p_locked_for, 5, 1000), least(25, (v_turn_ms - v_locked_ms) / 2))
    + 0.8 * (p_position - 1) * v_turn_ms
  );
end;
$$;

-- The answer to a waiter that goes on waiting: for which agents, and when to ask again. Also notes until when its
-- ticket is live. One that may be in a deadlock is told to ask soon, because only that finds the deadlock.
create or replace function core.keep_in_line(
  p_ticket core.lock_tickets,
  p_position integer,
  p_may_be_deadlocked boolean
)
returns public.lock_wait
language plpgsql
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_locked_for interval;
  v_turn_ms double precision;
  v_agents text[];
  v_retry_ms integer;
  v_alive_until timestamptz;
begin
  -- A resource without a lease (its first ticket waits for others too, or it is being written) counts as locked since
  -- this wait began. The agents are the holder of each resource or, if there is none, the one before this in line.
  select
    coalesce(max(clock_timestamp() - l.locked_at), clock_timestamp() - p_ticket.created_at),
    max(c.turn_ms),
    array_agg(distinct coalesce(l.locked_by, ahead.agent_name)) filter (
      where coalesce(l.locked_by, ahead.agent_name) is not null
    )
  into v_locked_for, v_turn_ms, v_agents
  from core.lock_ticket_resources as r
  left join public.agent_locks as l
    on r.workspace = l.workspace and r.resource_type = l.resource_type and r.resource_name = l.resource_name
    and l.expires_at > clock_timestamp()
  left join core.fencing_counters as c
    on r.workspace = c.workspace and r.resource_type = c.resource_type and r.resource_name = c.resource_name
  left join lateral (
    select t.agent_name from core.lock_ticket_resources as a
    cross join lateral (
      select t.agent_name from core.live_lock_tickets as t
      where t.ticket_id = a.ticket_id
      offset 0
    ) as t
    where l.locked_by is null
      and a.workspace = r.workspace and a.resource_type = r.resource_type and a.resource_name = r.resource_name
      and (a.queue_key, a.ticket_id) < (r.queue_key, r.ticket_id)
    order by a.queue_key desc, a.ticket_id desc
    limit 1
  ) as ahead on true
  where r.ticket_id = p_ticket.ticket_id;
  -- A provisional lease expires with its time to live at the latest, so the waiter must ask before that.
  v_retry_ms := least(core.lock_retry_ms(p_position, v_locked_for, v_turn_ms), 500 * p_ticket.ttl_seconds);
  if p_may_be_deadlocked then
    v_retry_ms := least(v_retry_ms, 1500);
  end if;
  v_alive_until := clock_timestamp() + (3 * v_retry_ms + 3000) * interval '1 millisecond';
  if p_ticket.alive_until not between v_alive_until and v_alive_until + interval '1 second' then
    -- With a second to spare, so a waiter that asks often writes once a second. Not flushed: a crash of the server may
    -- lose it, and the next call notes it again.
    perform set_config('synchronous_commit', 'off', true);
    update core.lock_tickets as t set alive_until = v_alive_until + interval '1 second'
    where t.ticket_id = p_ticket.ticket_id;
  end if;
  return row('waiting', '{}'::public.agent_locks[], p_position, v_retry_ms, coalesce(v_agents, '{}'))::public.lock_wait;
end;
$$;

create or replace function core.answer_waiter(p_workspace text, p_request_id uuid)
returns public.lock_wait
language plpgsql
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_look record;
  v_ticket core.lock_tickets;
  v_leases public.agent_locks[];
begin
  -- One statement, so that ticket and place are of one snapshot. The place is 1 for the first in line, and for several
  -- resources the last of its places. Counted up to 100.
  select
    t as ticket,
    (
      select 1 + max(ahead.tickets)
      from core.lock_ticket_resources as r
      cross join lateral (
        select count(*)::integer as tickets
        from (
          select from core.lock_ticket_resources as a
          cross join lateral (
            select from core.live_lock_tickets as l
            where l.ticket_id = a.ticket_id
            offset 0
          ) as l
          where a.workspace = r.workspace and a.resource_type = r.resource_type and a.resource_name = r.resource_name
            and (a.queue_key, a.ticket_id) < (r.queue_key, r.ticket_id)
          limit 100
        ) as a
      ) as ahead
      where r.ticket_id = t.ticket_id
    ) as place
  into v_look
  from core.lock_tickets as t
  where t.workspace = p_workspace and t.request_id = p_request_id
    and t.agent_name = coalesce(core.claimed_agent(), t.agent_name);
  v_ticket := v_look.ticket;
  if v_ticket.refused is not null then
    perform core.fail_deadlock(v_ticket.refused);
  elsif v_ticket.gives_up_at > clock_timestamp() is not true then
    -- The ticket was deleted by a grant, or its wait has ended.
    v_leases := core.leases_of_request(p_workspace, p_request_id);
    return row(case when v_leases = '{}' then 'gone' else 'granted' end, v_leases, 0, 0, '{}')::public.lock_wait;
  elsif v_look.place = 1 then
    v_leases := core.grant_leases(v_ticket, null);
    if v_leases is not null then
      return row('granted', v_leases, 0, 0, '{}')::public.lock_wait;
    end if;
  end if;
  return core.keep_in_line(v_ticket, v_look.place, core.refuse_deadlock(v_ticket, false));
end;
$$;
