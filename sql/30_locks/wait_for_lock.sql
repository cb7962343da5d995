create or replace function core.wait_for_lock(p_request_id uuid)
returns public.lock_wait
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
begin
  perform core.require_present('request_id', to_jsonb(p_request_id));
  return core.answer_waiter(v_workspace, p_request_id);
end;
$$;

create or replace function public.wait_for_lock(request_id uuid)
returns public.lock_wait
language sql
set search_path = ''
as $$
  select core.wait_for_lock(request_id);
$$;

comment on function public.wait_for_lock(uuid) is
'Asks how a request that waits for locks stands.

state granted: the leases are yours for a few seconds, confirm each by renew_lock to keep it; waiting: ask again after
retry_ms, which grows with the wait. Whoever is silent for three times that and 3 s more loses its turn; gone: no such
request waits any more, or one of its leases has ended: cancel_lock_request gives back the rest. waiting_for: the agents
that hold what you wait for; where nobody does, who is before you in line. deadlock if this wait was chosen to end one.';
