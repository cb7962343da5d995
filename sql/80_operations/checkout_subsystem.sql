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
  v_lease public.agent_locks;
  v_interfaces jsonb[];
  v_requirements jsonb[];
  v_blockers public.conflicts[];
begin
  perform core.require_name('subsystem', p_subsystem);
  perform core.require_names('reads', p_reads);
  perform core.require_names('reads_requirements', p_reads_requirements);
  perform core.require_agent('agent_name', p_agent_name);
  -- A repetition gets its lease also when a conflict came between, or nobody would know of it.
  if not core.was_answered(v_workspace, p_request_id) then
    v_blockers := core.critical_blockers(v_workspace, p_agent_name);
    if cardinality(v_blockers) = 0 then
      -- A writer may be at it, and a conflict come while we wait for its end.
      perform core.lock_fencing_counter(v_workspace, 'subsystem', p_subsystem);
      v_blockers := core.critical_blockers(v_workspace, p_agent_name);
    end if;
  end if;
  if cardinality(v_blockers) > 0 then
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
    perform core.hold_publications(v_workspace, p_reads || p_reads_requirements, false);
    v_interfaces := array(select core.latest_documents(v_workspace, 'interfaces', p_reads));
    v_requirements := array(select core.latest_documents(v_workspace, 'requirements', p_reads_requirements));
    perform core.write_dependencies(
      v_workspace, p_subsystem, 'interfaces', p_reads, v_interfaces, p_agent_name, p_execution_id
    );
    perform core.write_dependencies(
      v_workspace, p_subsystem, 'requirements', p_reads_requirements, v_requirements, p_agent_name, p_execution_id
    );
    return query select
      v_lease,
      (select s from public.subsystems as s where s.workspace = v_workspace and s.name = p_subsystem),
      (
        select d from public.subsystem_requirements as d
        where d.workspace = v_workspace and d.subsystem_name = p_subsystem
        order by d.version desc limit 1
      ),
      (
        select d from public.subsystem_interfaces as d
        where d.workspace = v_workspace and d.subsystem_name = p_subsystem
        order by d.version desc limit 1
      ),
      (
        select d from public.subsystem_designs as d
        where d.workspace = v_workspace and d.subsystem_name = p_subsystem
        order by d.version desc limit 1
      ),
      (
        select g from public.global_constraints as g
        where g.workspace = v_workspace
        order by g.version desc limit 1
      ),
      array(
        select jsonb_populate_record(null::public.subsystem_interfaces, d) from unnest(v_interfaces) as d
      ),
      array(
        select jsonb_populate_record(null::public.subsystem_requirements, d) from unnest(v_requirements) as d
      ),
      array(select c from core.get_active_conflicts(p_agent_name) as c),
      '{}'::public.conflicts[];
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
somebody holds it.

While an open critical conflict blocks this agent the lease is null, nothing is taken, and blocked_by holds those
conflicts.

reads: other subsystems whose latest interfaces come along as `inputs`, reads_requirements: whose latest requirements
come along as `input_requirements`. From then on the subsystem depends on the versions that it saw; see
system_status.stale_inputs. conflicts: the open ones that concern this
agent.';
