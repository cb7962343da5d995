create or replace function core.checkout_subsystem(
  p_subsystem text,
  p_agent_name text,
  p_execution_id text,
  p_ttl_seconds integer,
  p_reads text[],
  p_reads_requirements text[],
  p_request_id uuid
)
returns setof public.subsystem_checkout
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_is_repetition boolean;
  v_blockers public.conflicts[];
  v_lease public.agent_locks;
begin
  perform core.require_name('subsystem', p_subsystem);
  perform core.require_names('reads', p_reads);
  perform core.require_names('reads_requirements', p_reads_requirements);
  perform core.require_agent('agent_name', p_agent_name);
  v_is_repetition := core.was_answered(v_workspace, p_request_id);
  v_blockers := core.checkout_blockers(v_workspace, p_subsystem, p_agent_name, v_is_repetition);
  if v_blockers is null then
    return;
  elsif cardinality(v_blockers) > 0 then
    return query select * from jsonb_populate_record(
      null::public.subsystem_checkout, jsonb_build_object('blocked_by', v_blockers)
    );
    return;
  end if;
  -- The lease is the only thing that changes, so its request id does for the whole; a repetition
  -- gets the same lease with what can be read now.
  select * into v_lease from core.acquire_lock(
    'subsystem', p_subsystem, p_agent_name, p_execution_id, p_ttl_seconds, 0, 3, p_request_id
  );
  if found then
    return next core.read_checkout(v_lease, p_reads, p_reads_requirements, v_is_repetition);
  end if;
end;
$$;

create or replace function public.checkout_subsystem(
  subsystem text,
  agent_name text,
  execution_id text,
  ttl_seconds integer default 300,
  reads text[] default '{}',
  reads_requirements text[] default '{}',
  request_id uuid default null
)
returns setof public.subsystem_checkout
language sql
rows 1
set search_path = ''
as $$
  select * from core.checkout_subsystem(
    subsystem, agent_name, execution_id, ttl_seconds, reads, reads_requirements, request_id
  );
$$;

comment on function public.checkout_subsystem(text, text, text, integer, text[], text[], uuid) is
'Takes the lease of a subsystem and reads all that its agent needs, in one round trip; nothing (an empty list) if
somebody holds it, or is writing it and not done within a second.

While an open critical conflict blocks this agent the lease is null, nothing is taken, and blocked_by holds those
conflicts.

reads: other subsystems whose latest interfaces come along as `inputs`, reads_requirements: whose latest requirements
come along as `input_requirements`. The subsystem depends on them, and with the check-in it is made from the versions
that came first, also if a repetition with the same request_id brings newer ones; see system_status.stale_inputs.
conflicts: the open ones that concern this agent.';
