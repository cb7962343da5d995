create or replace function core.cancel_lock_request(p_request_id uuid)
returns boolean
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_has_ended boolean;
begin
  perform core.require_present('request_id', to_jsonb(p_request_id));
  -- Waits for the acquire call itself, if that is still running.
  perform core.lock_request(v_workspace, p_request_id);
  delete from core.lock_tickets as t
  where t.workspace = v_workspace and t.request_id = p_request_id
    and t.agent_name = coalesce(core.claimed_agent(), t.agent_name);
  v_has_ended := found;
  -- It may have been granted just now: then its leases end, and pass on to the next in line. Locked in the lock order.
  perform from public.agent_locks as l
  where l.workspace = v_workspace and l.request_id = p_request_id
    and l.locked_by = coalesce(core.claimed_agent(), l.locked_by)
  order by l.resource_type, l.resource_name
  for update;
  delete from public.agent_locks as l
  where l.workspace = v_workspace and l.request_id = p_request_id
    and l.locked_by = coalesce(core.claimed_agent(), l.locked_by);
  v_has_ended := v_has_ended or found;
  if exists (
    select from core.lock_tickets as t where t.workspace = v_workspace and t.request_id = p_request_id
  ) then
    return false;  -- the ticket is of another agent than the token's
  end if;
  -- An acquire call that arrives late, or again, must find its request answered, with no leases. And this call, when it
  -- is repeated, must find its own answer.
  insert into core.requests as r (workspace, request_id, function_name, answer)
  values (v_workspace, p_request_id, 'acquire_locks', to_jsonb(v_has_ended))
  on conflict (workspace, request_id) do update set answer = excluded.answer
  where r.function_name = excluded.function_name
    and (r.answer -> 0 ->> 'locked_by') = coalesce(core.claimed_agent(), r.answer -> 0 ->> 'locked_by');
  return v_has_ended or exists (
    select from core.requests as r
    where r.workspace = v_workspace and r.request_id = p_request_id
      and r.function_name = 'acquire_locks' and r.answer = 'true'
  );
end;
$$;

create or replace function public.cancel_lock_request(request_id uuid)
returns boolean
language sql
set search_path = ''
as $$
  select core.cancel_lock_request(request_id);
$$;

comment on function public.cancel_lock_request(uuid) is
'Ends a request for locks, whether it waits or was granted: all of its leases go to the next in
line. True if there was anything to end, also when it is repeated.';
