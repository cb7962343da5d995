-- While it parks, a call holds no lock on any row and has written nothing. One that does not park writes as its
-- last step that it has asked.
create or replace function core.wait_until_unblocked(p_agent_name text, p_wait_ms integer)
returns public.unblock_wait
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_until timestamptz;
  v_is_parked boolean := false;
  v_blockers public.conflicts[];
begin
  perform core.require_name('agent_name', p_agent_name);
  perform core.require_whole_number('wait_ms', to_jsonb(p_wait_ms), 0, 500);
  v_until := clock_timestamp() + p_wait_ms * interval '1 millisecond';
  loop
    v_blockers := array(select b from core.blockers_of_agent(v_workspace, p_agent_name) as b);
    if cardinality(v_blockers) = 0 then
      return row(false, v_blockers, 0)::public.unblock_wait;
    end if;
    exit when clock_timestamp() >= v_until;
    v_is_parked := v_is_parked or core.take_blocked_slot();
    exit when not v_is_parked;
    -- To see that the first of them is settled is cheap; the others wait for the next full look.
    for v_glance in 1..10 loop
      perform pg_sleep(0.002);
      exit when not exists (
        select from public.conflicts as c
        where c.workspace = v_workspace and c.conflict_id = v_blockers[1].conflict_id and c.status = 'open'
      );
    end loop;
  end loop;
  return row(
    true, v_blockers, case when v_is_parked then 0 else core.unblock_retry_ms(v_workspace, p_agent_name) end
  )::public.unblock_wait;
end;
$$;

create or replace function public.wait_until_unblocked(agent_name text, wait_ms integer default 500)
returns public.unblock_wait
language sql
set search_path = ''
as $$
  select core.wait_until_unblocked(agent_name, wait_ms);
$$;

comment on function public.wait_until_unblocked(text, integer) is
'Whether an agent is blocked, and by which open conflicts; where few others ask, it answers when that ends, or after
wait_ms (0 to 500) at the latest.

While blocked, ask again after retry_ms.';
