create or replace function core.checkout_subsystem(
  p_subsystem text,
  p_agent_name text,
  p_execution_id text,
  p_ttl_seconds integer,
  p_reads text[],
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
begin
  perform core.require_name('subsystem', p_subsystem);
  perform core.require_names('reads', p_reads);
  -- The lease is the only thing that changes, so its request id does for the whole; a repetition
  -- gets the same lease with what can be read now.
  select * into v_lease from core.acquire_lock(
    'subsystem', p_subsystem, p_agent_name, p_execution_id, p_ttl_seconds, 0, 3, p_request_id
  );
  if found then
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
      core.latest_interfaces(v_workspace, p_reads),
      array(select c from core.get_active_conflicts(p_agent_name) as c);
  end if;
end;
$$;

create or replace function public.checkout_subsystem(
  subsystem text,
  agent_name text,
  execution_id text,
  ttl_seconds integer default 300,
  reads text[] default '{}',
  request_id uuid default null
)
returns setof public.subsystem_checkout
language sql
rows 1
set search_path = ''
as $$
  select * from core.checkout_subsystem(subsystem, agent_name, execution_id, ttl_seconds, reads, request_id);
$$;

comment on function public.checkout_subsystem(text, text, text, integer, text[], uuid) is
'Takes the lease of a subsystem and reads all that its agent needs, in one round trip; nothing (an empty list) if
somebody holds it.

reads: other subsystems whose latest interfaces come along as `inputs`. conflicts: the open ones that concern this
agent.';
