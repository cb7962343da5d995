-- Deadlocks: cycles of agents that wait for each other are found in the database, and one of their waits is refused.
--
-- An identity is an agent within an execution. A ticket waits, at each of its resources, for the holder, and so for
-- the tickets that the holder's identity has in line; and for the ticket before it in that line. A cycle is looked for
-- when a wait begins, and whenever a waiter asks how it stands. Every cycle leads through a lease: it has a member that
-- holds what another one awaits, and it does if those look. Most waiters need not, and a search may have to walk along
-- whole lines.
--
-- Lock order: locks the ticket that loses, and none after it. The rest is read without locks; a cycle cannot dissolve
-- by itself, so what is found is true.

-- What a ticket waits for, and a ticket that has to come to its end before.
create type core.wait_edge as (resource core.resource, ticket core.lock_tickets);

-- What the ticket's own identity holds does not count: another of its threads may well release it. Nor do, in the
-- line, tickets of the holder's identity: they wait for just such a thread, and what else they wait for comes with the
-- holder.
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

-- Searches from a ticket along what it waits for, breadth first, until it comes back to that ticket. Returns the cycle
-- as the agent that is refused is told of it, a list of who waits for what; or null.
create or replace function core.find_wait_cycle(p_ticket core.lock_tickets)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  -- The tickets that were reached, and of each, which one of them led to it, by what wait.
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

-- Ends a cycle that this ticket is on. When a wait begins, it is the new one that loses, at once; the
-- error undoes all that its call did, so it is told to the caller and not to the log. A cycle that came
-- about later (two waits began together, a lease changed hands) loses its youngest wait, which is told
-- so at its next call; to raise here would undo the mark.
-- Answers whether the ticket may be on a cycle now, or be on one before it asks again: where somebody waits for what
-- its identity holds, or will, once another ticket of it is granted.
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
