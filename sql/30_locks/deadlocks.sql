-- Deadlocks: a cycle of agents that wait for each other is found in the database, and one of its waits is refused.
--
-- An identity is an agent within an execution. For each of its resources a ticket waits for the holder of the lease,
-- and so for the tickets of the holder's identity; and it waits for the ticket before it in line. The search for a
-- cycle may have to follow whole lines. So only those search, when their wait begins and each time they ask, whose
-- identity holds a lease that somebody waits for. That finds every cycle, because each has such a member.
--
-- Lock order: of the tickets in a cycle only the refused one is locked, which is the newest; the waiter's own is locked
-- after it. The rest is read without locks. A cycle does not end by itself, so one that was found is still there.

-- An edge from a ticket: the resource that it waits for, and another ticket that must end before.
create type core.wait_edge as (resource core.resource, ticket core.lock_tickets);

-- All edges from a ticket. Leases of its own identity do not count: another thread of it may release them. In the line
-- the tickets of the holder's identity do not count either: they wait for such a thread too, and all else that they
-- wait for is found through the holder.
create or replace function core.wait_edges(p_ticket core.lock_tickets)
returns setof core.wait_edge
language plpgsql
stable
set search_path = ''
set enable_seqscan = off
as $$
begin
  return query
  select row(r.resource_type, r.resource_name)::core.resource, b.ticket
  from core.lock_ticket_resources as r
  left join public.agent_locks as h
    on r.workspace = h.workspace and r.resource_type = h.resource_type and r.resource_name = h.resource_name
    and h.expires_at > clock_timestamp()
  cross join lateral (
    select row(t.*)::core.lock_tickets as ticket from core.live_lock_tickets as t
    where t.workspace = h.workspace and t.execution_id = h.execution_id and t.agent_name = h.locked_by
    union all
    (
      select t.ticket
      from core.lock_ticket_resources as a
      cross join lateral (
        select row(t.*)::core.lock_tickets as ticket from core.live_lock_tickets as t
        where t.ticket_id = a.ticket_id
          and (t.execution_id, t.agent_name) is distinct from (h.execution_id, h.locked_by)
        offset 0
      ) as t
      where a.workspace = r.workspace and a.resource_type = r.resource_type and a.resource_name = r.resource_name
        and (a.queue_key, a.ticket_id) < (r.queue_key, r.ticket_id)
      order by a.queue_key desc, a.ticket_id desc
      limit 1
    )
  ) as b
  where r.ticket_id = p_ticket.ticket_id
    and (h.execution_id, h.locked_by) is distinct from (p_ticket.execution_id, p_ticket.agent_name);
end;
$$;

-- Breadth-first search along the edges, from a ticket back to itself. Returns the cycle as a list of who waits for
-- what, which is the detail of the error; or null if there is none.
create or replace function core.find_wait_cycle(p_ticket core.lock_tickets)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  -- The tickets that were reached; of each, the place of the one before it, and the wait between the two.
  v_tickets core.lock_tickets[] := array[p_ticket];
  v_ids bigint[] := array[p_ticket.ticket_id];
  v_from integer[] := array[0];
  v_waits jsonb[] := array[null]::jsonb[];
  v_at integer := 1;
  v_ticket core.lock_tickets;
  v_edge core.wait_edge;
  v_cycle jsonb;
begin
  while v_at <= cardinality(v_ids) loop
    v_ticket := v_tickets[v_at];
    for v_edge in select * from core.wait_edges(v_ticket) loop
      v_cycle := jsonb_build_array(jsonb_build_object(
        'agent_name', v_ticket.agent_name, 'execution_id', v_ticket.execution_id,
        'waits_for', to_jsonb(v_edge.resource), 'ticket_id', v_ticket.ticket_id
      ));
      if (v_edge.ticket).ticket_id = p_ticket.ticket_id then
        while v_at > 1 loop
          v_cycle := v_waits[v_at] || v_cycle;
          v_at := v_from[v_at];
        end loop;
        return v_cycle;
      elsif (v_edge.ticket).ticket_id <> all(v_ids) then
        v_tickets := array_append(v_tickets, v_edge.ticket);
        v_ids := array_append(v_ids, (v_edge.ticket).ticket_id);
        v_from := array_append(v_from, v_at);
        v_waits := array_append(v_waits, v_cycle);
      end if;
    end loop;
    v_at := v_at + 1;
  end loop;
  return null;
end;
$$;

create or replace function core.fail_deadlock(p_cycle jsonb)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return core.fail(
    'deadlock',
    jsonb_build_object('cycle', p_cycle),
    'Release what you hold, then ask again; or take all of it at once with acquire_locks.'
  );
end;
$$;

-- Ends a cycle that this ticket is on, by refusing one wait:
-- - If this wait begins now, this one, by an error. That undoes all that the call did, its log entries too.
-- - Else (two waits began together, or a lease changed hands) the newest one of the cycle. It is marked, and gets the
--   error at its next call: an error here would undo the mark. Returns whether the ticket may be on a cycle before it
--   asks again: its identity holds a lease that somebody waits for, or has another ticket that may be granted.
create or replace function core.refuse_deadlock(p_ticket core.lock_tickets, p_is_new boolean)
returns boolean
language plpgsql
set search_path = ''
set enable_seqscan = off
as $$
declare
  v_cycle jsonb;
  v_loser core.lock_tickets;
begin
  if not exists (
    select from public.agent_locks as l
    cross join lateral (
      select from core.lock_ticket_resources as r
      where r.workspace = l.workspace and r.resource_type = l.resource_type and r.resource_name = l.resource_name
        and r.ticket_id <> p_ticket.ticket_id
      limit 1
    ) as r
    where l.workspace = p_ticket.workspace
      and l.execution_id = p_ticket.execution_id and l.locked_by = p_ticket.agent_name
      and l.expires_at > clock_timestamp()
  ) then
    return exists (
      select from core.lock_tickets as t
      where t.workspace = p_ticket.workspace
        and t.execution_id = p_ticket.execution_id and t.agent_name = p_ticket.agent_name
        and t.ticket_id <> p_ticket.ticket_id
    );
  end if;
  v_cycle := core.find_wait_cycle(p_ticket);
  if v_cycle is null then
    return true;
  elsif p_is_new then
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
