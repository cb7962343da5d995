-- Notes which versions of others' documents the holder of a subsystem's lease has read. p_versions has them by
-- subsystem; of one that is not in it there is no version yet (0). Its own documents are no dependency. A new
-- dependency has seen what was read; an existing one keeps that apart until the check-in, see core.mark_inputs_seen. A
-- repetition of the call notes nothing for existing ones, because it may be a late copy whose answer nobody reads. Work
-- that is taken for older than it is costs a look; for newer, it would hide a change.
create or replace function core.note_reads(
  p_lease public.agent_locks,
  p_document text,
  p_read text[],
  p_versions jsonb,
  p_is_repetition boolean
)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  insert into public.document_dependencies as d (
    workspace, subsystem, on_subsystem, document, seen_version, recorded_by, execution_id
  )
  select distinct
    p_lease.workspace, p_lease.resource_name, n.name, p_document, coalesce((p_versions ->> n.name)::integer, 0),
    p_lease.locked_by, p_lease.execution_id
  from unnest(p_read) as n (name)
  where n.name <> p_lease.resource_name
  order by n.name  -- the lock order
  on conflict (workspace, subsystem, on_subsystem, document) do update set
    read_version = nullif(excluded.seen_version, d.seen_version),
    read_token = case when d.seen_version <> excluded.seen_version then p_lease.fencing_token end
  -- Nothing is written if the same was noted already.
  where not p_is_repetition and (d.read_version, d.read_token) is distinct from (
    nullif(excluded.seen_version, d.seen_version),
    case when d.seen_version <> excluded.seen_version then p_lease.fencing_token end
  );
  return found;
end;
$$;

-- Reads all that an agent needs that has checked a subsystem out, and notes which versions of others' documents it got.
create or replace function core.read_checkout(
  p_lease public.agent_locks,
  p_reads text[],
  p_reads_requirements text[],
  p_is_repetition boolean
)
returns public.subsystem_checkout
language plpgsql
set search_path = ''
as $$
declare
  v_workspace constant text := p_lease.workspace;
  v_subsystem constant text := p_lease.resource_name;
  v_interfaces public.subsystem_interfaces[];
  v_requirements public.subsystem_requirements[];
begin
  perform core.lock_publications(v_workspace, p_reads || p_reads_requirements, false);
  v_interfaces := array(
    select latest.document from (select distinct n.name from unnest(p_reads) as n (name)) as named
    cross join lateral (
      select d from public.subsystem_interfaces as d
      where d.workspace = v_workspace and d.subsystem_name = named.name
      order by d.version desc limit 1
    ) as latest (document)
    order by named.name
  );
  v_requirements := array(
    select latest.document from (select distinct n.name from unnest(p_reads_requirements) as n (name)) as named
    cross join lateral (
      select d from public.subsystem_requirements as d
      where d.workspace = v_workspace and d.subsystem_name = named.name
      order by d.version desc limit 1
    ) as latest (document)
    order by named.name
  );
  perform core.note_reads(
    p_lease, 'interfaces', p_reads,
    (select jsonb_object_agg(d.subsystem_name, d.version) from unnest(v_interfaces) as d), p_is_repetition
  );
  perform core.note_reads(
    p_lease, 'requirements', p_reads_requirements,
    (select jsonb_object_agg(d.subsystem_name, d.version) from unnest(v_requirements) as d), p_is_repetition
  );
  return row(
    p_lease,
    (select s from public.subsystems as s where s.workspace = v_workspace and s.name = v_subsystem),
    (
      select d from public.subsystem_requirements as d
      where d.workspace = v_workspace and d.subsystem_name = v_subsystem
      order by d.version desc limit 1
    ),
    (
      select d from public.subsystem_interfaces as d
      where d.workspace = v_workspace and d.subsystem_name = v_subsystem
      order by d.version desc limit 1
    ),
    (
      select d from public.subsystem_designs as d
      where d.workspace = v_workspace and d.subsystem_name = v_subsystem
      order by d.version desc limit 1
    ),
    (
      select g from public.global_constraints as g
      where g.workspace = v_workspace
      order by g.version desc limit 1
    ),
    v_interfaces,
    v_requirements,
    array(select c from core.get_active_conflicts(p_lease.locked_by) as c),
    '{}'::public.conflicts[]
  )::public.subsystem_checkout;
end;
$$;

create or replace function core.checkout_subsystem(
  p_subsystem text,
  p_agent_name text,
  p_execution_id text,
  p_ttl_seconds integer,
  p_reads text[],
  p_reads_requirements text[],
  p_fencing_token bigint,
  p_request_id uuid
)
returns setof public.subsystem_checkout
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_is_repetition boolean := false;
  v_blockers public.conflicts[] := array[]::public.conflicts[];
  v_lease public.agent_locks;
begin
  perform core.require_name('subsystem', p_subsystem);
  perform core.require_names('reads', p_reads);
  perform core.require_names('reads_requirements', p_reads_requirements);
  perform core.require_agent('agent_name', p_agent_name);

  -- A repetition gets its lease even if a critical conflict was opened since: else nobody would know of that lease.
  if p_request_id is not null then
    perform core.lock_request(v_workspace, p_request_id);
    v_is_repetition := exists (
      select from core.requests as r where r.workspace = v_workspace and r.request_id = p_request_id
    );
  end if;
  if p_fencing_token is not null then
    -- It is at work already, so no conflict keeps it from looking again.
    v_lease := core.renew_lock(
      'subsystem', p_subsystem, p_execution_id, p_fencing_token, p_ttl_seconds, p_request_id
    );
    return next core.read_checkout(v_lease, p_reads, p_reads_requirements, v_is_repetition);
    return;
  end if;
  if not v_is_repetition then
    v_blockers := core.critical_blockers(v_workspace, p_agent_name);
    if v_blockers = '{}' then
      -- While this waits for a writer of the subsystem, a conflict may be opened. So it locks the fencing counter first
      -- and looks again. No row if the writer does not end in time.
      if not core.lock_fencing_counter(v_workspace, 'subsystem', p_subsystem) then
        return;
      end if;
      v_blockers := core.critical_blockers(v_workspace, p_agent_name);
    end if;
  end if;
  if v_blockers <> '{}' then
    return query select * from jsonb_populate_record(
      null::public.subsystem_checkout, jsonb_build_object('blocked_by', v_blockers)
    );
    return;
  end if;

  -- The request id of the acquire call is enough: a repetition gets the same lease, and what can be read now.
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
  fencing_token bigint default null,
  request_id uuid default null
)
returns setof public.subsystem_checkout
language sql
rows 1
set search_path = ''
as $$
  select core.checkout_subsystem(
    subsystem, agent_name, execution_id, ttl_seconds, reads, reads_requirements, fencing_token, request_id
  );
$$;

comment on function public.checkout_subsystem(text, text, text, integer, text[], text[], bigint, uuid) is
'Takes the lease of a subsystem and reads all that its agent needs, in one round trip; nothing (an empty list) if
somebody holds it, or is writing it and not done within a second.

While an open critical conflict blocks this agent the lease is null, nothing is taken, and blocked_by holds those
conflicts.

reads: other subsystems whose latest interfaces come along as `inputs`, reads_requirements: whose latest requirements
come along as `input_requirements`. The subsystem depends on them, and with the check-in it is made from the versions
that came first, also if a repetition with the same request_id brings newer ones; see system_status.stale_inputs.
conflicts: the open ones that concern this agent.

With the fencing_token of a lease that the execution holds, as after waiting in line for it, nothing is taken: the lease
is renewed, and all is read under it. lease_lost if it has ended.';
