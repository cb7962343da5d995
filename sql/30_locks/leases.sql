-- Leases: how they are granted, and what is logged or raised when one was lost.
--
-- A lease is a row of agent_locks. One whose expires_at has passed is free to take. For each resource a grant locks the
-- fencing counter and then the lease, both `for update`. The counter, so that no two grants run at the same time. The
-- lease, because a writer holds it `for key share` until it commits: `for update` waits for that, a plain UPDATE does
-- not. All resources of a request are granted, or none.
--
-- A request that waits, or was ready to wait, gets a provisional lease, for 10 s at most. The client confirms it by
-- renew_lock: PostgREST does not notice that a client has gone away, so nobody may be there any more.
--
-- Lock order: resource by resource, by type and name, its counter and then its lease; after all of them the ticket.

-- Logs that a lease was lost. Grants and releases are not logged: they are too many. For waits see log_lock_wait.sql.
create or replace function core.write_lock_lost(p_lease public.agent_locks, p_reason text)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return core.write_activity(
    p_lease.workspace, p_lease.locked_by, 'lock_lost',
    jsonb_build_object(
      'resource_type', p_lease.resource_type, 'resource_name', p_lease.resource_name,
      'fencing_token', p_lease.fencing_token, 'expires_at', p_lease.expires_at, 'reason', p_reason
    ),
    p_lease.execution_id
  ) is not null;
end;
$$;

create or replace function core.fail_lease_lost(
  p_resource_type text,
  p_resource_name text,
  p_fencing_token bigint,
  p_holder public.agent_locks
)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return core.fail(
    'lease_lost',
    jsonb_build_object(
      'resource_type', p_resource_type, 'resource_name', p_resource_name,
      'fencing_token', p_fencing_token, 'held_by', p_holder.locked_by
    ),
    'The lease with this token has ended. Acquire the lock again, read again, and redo the work.'
  );
end;
$$;

-- The leases of one request, as they are now. None if one of them has ended, because a set is good only as a whole: the
-- others end by cancel_lock_request, or expire. None either if the token is of another agent.
create or replace function core.leases_of_request(p_workspace text, p_request_id uuid)
returns public.agent_locks[]
language plpgsql
set search_path = ''
as $$
declare
  v_leases constant public.agent_locks[] := array(
    select l from public.agent_locks as l
    where l.workspace = p_workspace and l.request_id = p_request_id and l.expires_at > clock_timestamp()
      and l.locked_by = coalesce(core.claimed_agent(), l.locked_by)
    order by l.resource_type, l.resource_name
  );
begin
  -- The remembered answer tells how many there were: here, that there were more.
  if exists (
    select from core.requests as r
    where r.workspace = p_workspace and r.request_id = p_request_id and r.function_name = 'acquire_locks'
      and r.answer -> cardinality(v_leases) is not null
  ) then
    return array[]::public.agent_locks[];
  end if;
  return v_leases;
end;
$$;

-- Writes a lease with the next fencing token. The caller has locked counter and lease, and has seen that it is free.
create or replace function core.write_lease(p_ticket core.lock_tickets, p_resource core.resource)
returns public.agent_locks
language plpgsql
set search_path = ''
as $$
declare
  v_is_provisional constant boolean := p_ticket.gives_up_at is not null;  -- it waits, or was ready to
  v_fencing_token bigint;
  v_lease public.agent_locks;
begin
  update core.fencing_counters as c
  set
    last_token = c.last_token + 1,
    last_granted_at = clock_timestamp(),
    -- Rather less than the mean of the last turns. An estimate that is too short costs a waiter one more call; one
    -- that is too long delays the waiters, and so makes the next turns longer too.
    turn_ms = case when p_ticket.ticket_id is null then c.turn_ms else (
      select coalesce(
        c.turn_ms + (last.turn_ms - c.turn_ms) * case when last.turn_ms < c.turn_ms then 0.5 else 0.05 end,
        last.turn_ms
      )
      from (select extract(epoch from clock_timestamp() - c.last_granted_at) * 1000 as turn_ms) as last
    ) end
  where c.workspace = p_ticket.workspace
    and c.resource_type = p_resource.resource_type and c.resource_name = p_resource.resource_name
  returning c.last_token into v_fencing_token;
  insert into public.agent_locks as l (
    workspace, resource_type, resource_name, locked_by, execution_id, expires_at, ttl_seconds,
    fencing_token, request_id, provisional
  ) values (
    p_ticket.workspace, p_resource.resource_type, p_resource.resource_name, p_ticket.agent_name, p_ticket.execution_id,
    clock_timestamp() + make_interval(
      secs => case when v_is_provisional then least(p_ticket.ttl_seconds, 10) else p_ticket.ttl_seconds end
    ),
    p_ticket.ttl_seconds, v_fencing_token, p_ticket.request_id, v_is_provisional
  )
  on conflict (workspace, resource_type, resource_name) do update set
    locked_by = excluded.locked_by,
    execution_id = excluded.execution_id,
    locked_at = excluded.locked_at,
    expires_at = excluded.expires_at,
    ttl_seconds = excluded.ttl_seconds,
    fencing_token = excluded.fencing_token,
    request_id = excluded.request_id,
    provisional = excluded.provisional
  returning l.* into v_lease;
  return v_lease;
end;
$$;

-- Grants all of the resources (sorted by type and name) and returns the leases. Or null: one of them is locked, others
-- write it all the time, or another ticket is first in its line. A request that is not in line has a ticket without a
-- ticket_id. One that is in line gets what it waits for (p_resources is null), and its ticket is deleted.
create or replace function core.grant_leases(p_ticket core.lock_tickets, p_resources core.resource[])
returns public.agent_locks[]
language plpgsql
set search_path = ''
as $$
declare
  v_resources core.resource[] := p_resources;
  v_resource core.resource;
  v_lease public.agent_locks;
  v_lapsed public.agent_locks[] := array[]::public.agent_locks[];
  v_leases public.agent_locks[] := array[]::public.agent_locks[];
begin
  if v_resources is null then
    v_resources := array(
      select row(r.resource_type, r.resource_name)::core.resource from core.lock_ticket_resources as r
      where r.ticket_id = p_ticket.ticket_id
      order by r.resource_type, r.resource_name
    );
  end if;
  -- A look without locks first: most attempts on a locked resource end here, without a write.
  foreach v_resource in array v_resources loop
    perform from public.agent_locks as l
    where l.workspace = p_ticket.workspace
      and l.resource_type = v_resource.resource_type and l.resource_name = v_resource.resource_name
      and l.expires_at > clock_timestamp();
    if found then
      return null;
    end if;
  end loop;
  foreach v_resource in array v_resources loop
    if not core.lock_fencing_counter(p_ticket.workspace, v_resource.resource_type, v_resource.resource_name) then
      return null;
    end if;
    select * into v_lease from public.agent_locks as l
    where l.workspace = p_ticket.workspace
      and l.resource_type = v_resource.resource_type and l.resource_name = v_resource.resource_name
    for update;
    if v_lease.expires_at > clock_timestamp()
      or core.first_in_line(p_ticket.workspace, v_resource) is distinct from p_ticket.ticket_id then
      return null;
    elsif v_lease.expires_at is not null then
      v_lapsed := v_lapsed || v_lease;
    end if;
  end loop;
  if p_ticket.ticket_id is not null then
    delete from core.lock_tickets as t where t.ticket_id = p_ticket.ticket_id and t.refused is null;
    if not found then
      return null;  -- cancelled, or refused as a deadlock, while we waited for the locks
    end if;
  end if;
  foreach v_lease in array v_lapsed loop
    perform core.write_lock_lost(v_lease, 'expired and was taken over');
  end loop;
  foreach v_resource in array v_resources loop
    v_leases := v_leases || core.write_lease(p_ticket, v_resource);
  end loop;
  if p_ticket.ticket_id is not null then
    -- The request is answered now: a late repetition must not queue for the lock again. Not by remember_request: if a
    -- client has used the id for another call too, the release that runs this must not fail.
    insert into core.requests (workspace, request_id, function_name, arguments_hash, answer)
    values (p_ticket.workspace, p_ticket.request_id, 'acquire_locks', p_ticket.arguments_hash, to_jsonb(v_leases))
    on conflict do nothing;
  end if;
  return v_leases;
end;
$$;
