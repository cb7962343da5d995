-- An agent has been blocked for as long as the oldest conflict that blocks it is open. A read with a core half, because
-- it calls helpers that callers may not.
create or replace function core.wait_until_unblocked(p_agent_name text)
returns public.unblock_wait
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_blockers public.conflicts[];
  v_blocked_since timestamptz;
begin
  perform core.require_name('agent_name', p_agent_name);
  v_blockers := array(select b from core.blockers_of_agent(core.current_workspace(), p_agent_name) as b);
  if v_blockers = '{}' then
    return row(false, v_blockers, 0)::public.unblock_wait;
  end if;
  select min(b.created_at) into v_blocked_since from unnest(v_blockers) as b;
  return row(true, v_blockers, core.retry_ms(clock_timestamp() - v_blocked_since, 50, 2000))::public.unblock_wait;
end;
$$;

create or replace function public.wait_until_unblocked(agent_name text)
returns public.unblock_wait
language sql
stable
set search_path = ''
as $$
  select core.wait_until_unblocked(agent_name);
$$;

comment on function public.wait_until_unblocked(text) is
'Whether an agent is blocked, and by which open conflicts. While it is, ask again after retry_ms, which grows with the
time for which it has been blocked.';
