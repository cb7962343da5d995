-- The executions that are meant: the one of that name, or all whose name begins with it when it ends in a colon.
create or replace function core.executions_of(p_workspace text, p_execution_id text)
returns text[]
language plpgsql
stable
set search_path = ''
as $$
begin
  if p_execution_id not like '%:' then
    return array[p_execution_id];
  end if;
  return array(
    select l.execution_id from public.agent_locks as l
    where l.workspace = p_workspace and starts_with(l.execution_id, p_execution_id)
    union
    select t.execution_id from core.lock_tickets as t
    where t.workspace = p_workspace and starts_with(t.execution_id, p_execution_id)
    union
    select r.execution_id from public.budget_reservations as r
    where r.workspace = p_workspace and starts_with(r.execution_id, p_execution_id)
  );
end;
$$;

-- Takes these requests out of the line, and returns their places. Each counts as answered with nothing, or a late
-- repetition of its acquire call would get in line again. One that was granted meanwhile is no longer there to take.
create or replace function core.end_waits(p_workspace text, p_request_ids uuid[])
returns public.lock_queue[]
language plpgsql
set search_path = ''
as $$
declare
  v_waits public.lock_queue[];
begin
  -- In the lock order: a waiter that refuses a newer wait to end a deadlock locks that one, and then its own.
  perform from core.lock_tickets as t
  where t.workspace = p_workspace and t.request_id = any(p_request_ids)
  order by t.ticket_id desc
  for update;
  with gone as (
    delete from core.lock_tickets as t
    where t.workspace = p_workspace and t.request_id = any(p_request_ids)
    returning t.request_id, t.arguments_hash
  ), answered as (
    insert into core.requests (workspace, request_id, function_name, arguments_hash, answer)
    select p_workspace, g.request_id, 'acquire_locks', g.arguments_hash, '[]' from gone as g
    on conflict do nothing
  )
  -- As the line was when this statement began.
  select array(
    select q from public.lock_queue as q
    where q.workspace = p_workspace and q.request_id in (select g.request_id from gone as g)
    order by q.resource_type, q.resource_name, q.position
  ) into v_waits;
  return v_waits;
end;
$$;

-- In the lock order: request ids, leases, tickets, reservations. The leases are locked before the tickets go, and
-- deleted after that: with its tickets still in line, what one agent of a session gives back would be handed over to
-- another.
create or replace function core.release_execution(p_execution_id text, p_request_id uuid)
returns public.execution_release
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_executions text[];
  v_waiting uuid[];
  v_reserved uuid[];
  v_answer public.execution_release;
begin
  perform core.require_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'release_execution', jsonb_build_array(p_execution_id)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.execution_release, v_request.answer);
  end if;
  v_executions := core.executions_of(v_workspace, p_execution_id);
  v_waiting := array(
    select t.request_id from core.lock_tickets as t
    where t.workspace = v_workspace and t.execution_id = any(v_executions)
      and t.agent_name = coalesce(core.claimed_agent(), t.agent_name)
    order by t.request_id
  );
  -- Behind the repetition of an acquire call that is under way: it would not find its ticket, and queue anew.
  perform core.lock_request(v_workspace, w.request_id) from unnest(v_waiting) as w (request_id);
  perform from public.agent_locks as l
  where l.workspace = v_workspace and l.execution_id = any(v_executions)
    and l.locked_by = coalesce(core.claimed_agent(), l.locked_by) and l.expires_at > clock_timestamp()
  order by l.resource_type, l.resource_name
  for update;
  v_answer.waits := core.end_waits(v_workspace, v_waiting);
  -- Read before the leases end: with them, reservations that are tied to one are live no more.
  v_reserved := array(
    select r.reservation_id from core.live_reservations as r
    where r.workspace = v_workspace and r.execution_id = any(v_executions)
      and r.agent_name = coalesce(core.claimed_agent(), r.agent_name)
  );
  -- With those above, what was handed over to one of its waits while we waited: out of the lock
  -- order, but nobody else is after it, for its client does not know of it yet.
  with ended as (
    delete from public.agent_locks as l
    where l.workspace = v_workspace and l.execution_id = any(v_executions)
      and l.locked_by = coalesce(core.claimed_agent(), l.locked_by) and l.expires_at > clock_timestamp()
    returning l as lease
  )
  select array(select e.lease from ended as e order by (e.lease).resource_type, (e.lease).resource_name)
  into v_answer.leases;
  v_answer.reservations := core.end_reservations(v_workspace, v_reserved);
  perform core.remember_request(v_request, to_jsonb(v_answer));
  return v_answer;
end;
$$;

create or replace function public.release_execution(execution_id text, request_id uuid default null)
returns public.execution_release
language sql
set search_path = ''
as $$
  select core.release_execution(execution_id, request_id);
$$;

comment on function public.release_execution(text, uuid) is
'Ends all leases, places in line and budget reservations of an execution, and answers what it ended. With a text that
ends in a colon, such as "session-7:", those of every execution that begins with it.

What it held goes to the next in line at once. Writes with its tokens are refused from then on, and a late repetition of
an acquire call gets nothing. The execution may begin anew.';
