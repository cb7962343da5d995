-- Checks the arguments of a check-in.
create or replace function core.require_checkin(
  p_subsystem text,
  p_agent_name text,
  p_execution_id text,
  p_fencing_token bigint,
  p_status jsonb,
  p_interfaces jsonb,
  p_design_data jsonb,
  p_activity text,
  p_details jsonb,
  p_release boolean,
  p_accept_stale text,
  p_strict boolean
)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  perform core.require_name('subsystem', p_subsystem);
  perform core.require_agent('agent_name', p_agent_name);
  perform core.require_name('execution_id', p_execution_id);
  perform core.require_present('fencing_token', to_jsonb(p_fencing_token));
  perform core.require_present('release', to_jsonb(p_release));
  perform core.require_present('strict', to_jsonb(p_strict));
  perform core.require_status(p_subsystem, p_status);
  perform core.require_object('details', p_details);
  if p_interfaces is not null then
    perform core.require_object('interfaces', p_interfaces);
  end if;
  if p_design_data is not null then
    perform core.require_object('design_data', p_design_data);
  end if;
  if p_activity is not null then
    perform core.require_label('activity', p_activity);
  end if;
  if p_accept_stale is not null then
    perform core.require_text('accept_stale', p_accept_stale);
  end if;
  return true;
end;
$$;

-- From this check-in on, the subsystem has seen what the checkout with this token has read. What was read under another
-- token does not count: that lease was lost, and the work with it. A subsystem that is complete must have seen the
-- latest content of what it depends on, or give a reason: p_accept_stale, which is logged and accepts the versions of
-- now.
create or replace function core.mark_inputs_seen(
  p_workspace text,
  p_subsystem text,
  p_fencing_token bigint,
  p_is_complete boolean,
  p_accept_stale text,
  p_agent_name text,
  p_execution_id text
)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_stale jsonb;
begin
  -- Locks what either update below may change, in the order of all who write dependencies.
  perform from public.document_dependencies as d
  where d.workspace = p_workspace and d.subsystem = p_subsystem
    and (d.read_token = p_fencing_token or p_accept_stale is not null)
  order by d.document, d.on_subsystem
  for update;
  update public.document_dependencies as d set
    seen_version = d.read_version,
    accepted_version = null,  -- it was about the version that was seen before
    read_version = null,
    read_token = null,
    recorded_by = p_agent_name,
    recorded_at = clock_timestamp(),
    execution_id = p_execution_id
  where d.workspace = p_workspace and d.subsystem = p_subsystem and d.read_token = p_fencing_token;
  select jsonb_agg(i.input || jsonb_build_object('changed_paths', core.changed_paths(
    core.document_content(p_workspace, i.document, i.on_subsystem, i.seen_version),
    core.document_content(p_workspace, i.document, i.on_subsystem, i.new_version)
  )) order by i.on_subsystem, i.document)
  into v_stale
  from core.stale_inputs as i
  where p_is_complete and i.workspace = p_workspace and i.subsystem = p_subsystem;
  if v_stale is null then
    return true;
  elsif p_accept_stale is null then
    return core.fail(
      'stale_inputs',
      jsonb_build_object('subsystem', p_subsystem, 'inputs', v_stale),
      'Check it out again with the same reads and redo the work on what comes, or check in with accept_stale and a reason.'
    );
  end if;
  update public.document_dependencies as d set accepted_version = (e.value ->> 'new_version')::integer
  from jsonb_array_elements(v_stale) as e
  where d.workspace = p_workspace and d.subsystem = p_subsystem
    and d.on_subsystem = e.value ->> 'subsystem' and d.document = e.value ->> 'document';
  return core.write_activity(
    p_workspace, p_agent_name, 'stale_inputs_accepted',
    jsonb_build_object('subsystem', p_subsystem, 'reason', p_accept_stale, 'inputs', v_stale),
    p_execution_id
  ) is not null;
end;
$$;

create or replace function core.checkin_subsystem(
  p_subsystem text,
  p_agent_name text,
  p_execution_id text,
  p_fencing_token bigint,
  p_status jsonb,
  p_interfaces jsonb,
  p_design_data jsonb,
  p_activity text,
  p_details jsonb,
  p_release boolean,
  p_accept_stale text,
  p_strict boolean,
  p_request_id uuid
)
returns public.subsystem_checkin
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_publishes constant boolean := num_nonnulls(p_interfaces, p_design_data) > 0;
  v_request core.request;
  v_status public.subsystems;
  v_interfaces public.subsystem_interfaces;
  v_design public.subsystem_designs;
  v_version integer;
  v_checkin public.subsystem_checkin;
begin
  perform core.require_checkin(
    p_subsystem, p_agent_name, p_execution_id, p_fencing_token, p_status, p_interfaces, p_design_data,
    p_activity, p_details, p_release, p_accept_stale, p_strict
  );
  v_request := core.recall_request(
    v_workspace, p_request_id, 'checkin_subsystem',
    jsonb_build_array(
      p_subsystem, p_agent_name, p_execution_id, p_fencing_token, p_status, p_interfaces, p_design_data,
      p_activity, p_details, p_release, p_accept_stale, p_strict
    )
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.subsystem_checkin, v_request.answer);
  end if;

  -- Locks, in their order, and whether this lease is alive.
  perform core.lock_shared_budget(v_workspace, p_subsystem, p_status);
  perform core.guard_write(v_workspace, p_subsystem, p_execution_id, p_fencing_token, p_release);

  -- The writes: status, what the work was made from, documents.
  v_status := core.write_status(v_workspace, p_subsystem, p_status, p_execution_id, p_strict);
  if v_publishes then
    -- In the lock order this comes before dependencies, which mark_inputs_seen changes.
    perform core.lock_publications(v_workspace, array[p_subsystem], true);
  end if;
  if v_status.state = 'complete' or v_publishes then
    -- Only such a check-in says that the work was made from what the checkout has read.
    perform core.mark_inputs_seen(
      v_workspace, p_subsystem, p_fencing_token, v_status.state = 'complete', p_accept_stale,
      p_agent_name, p_execution_id
    );
  end if;
  if p_interfaces is not null then
    v_version := core.write_document(
      v_workspace, 'interfaces', p_subsystem, p_interfaces, p_agent_name, null, p_execution_id, false
    );
    select * into v_interfaces from public.subsystem_interfaces as d
    where d.workspace = v_workspace and d.subsystem_name = p_subsystem and d.version = v_version;
  end if;
  if p_design_data is not null then
    v_version := core.write_document(
      v_workspace, 'design', p_subsystem, p_design_data, p_agent_name, null, p_execution_id, false
    );
    select * into v_design from public.subsystem_designs as d
    where d.workspace = v_workspace and d.subsystem_name = p_subsystem and d.version = v_version;
  end if;

  perform core.write_activity(
    v_workspace, p_agent_name, coalesce(p_activity, 'checked_in'),
    p_details || core.status_details(p_status, v_status) || jsonb_strip_nulls(jsonb_build_object(
      'interfaces_version', v_interfaces.version, 'design_version', v_design.version
    )),
    p_execution_id
  );
  if p_release then
    delete from public.agent_locks as l
    where l.workspace = v_workspace and l.resource_type = 'subsystem' and l.resource_name = p_subsystem
      and l.fencing_token = p_fencing_token;
  end if;

  v_checkin := row(v_status, v_interfaces, v_design, p_release);
  perform core.remember_request(v_request, to_jsonb(v_checkin));
  return v_checkin;
end;
$$;

create or replace function public.checkin_subsystem(
  subsystem text,
  agent_name text,
  execution_id text,
  fencing_token bigint,
  status jsonb default '{}',
  interfaces jsonb default null,
  design_data jsonb default null,
  activity text default null,
  details jsonb default '{}',
  release boolean default true,
  accept_stale text default null,
  strict boolean default false,
  request_id uuid default null
)
returns public.subsystem_checkin
language sql
set search_path = ''
as $$
  select core.checkin_subsystem(
    subsystem, agent_name, execution_id, fencing_token, status, interfaces, design_data, activity, details,
    release, accept_stale, strict, request_id
  );
$$;

comment on function public.checkin_subsystem(
  text, text, text, bigint, jsonb, jsonb, jsonb, text, jsonb, boolean, text, boolean, uuid
) is
'Writes status, interfaces and design of a checked-out subsystem, logs it and releases the lease: all or nothing, in
one round trip.

lease_lost, and nothing changes, unless the lease with fencing_token is still alive. release=false keeps the lease.
One that is complete or publishes something says that it was made from what the checkout read.
stale_inputs, and nothing changes, if its state is complete and what it was made from has changed since; unless
accept_stale gives a reason, which is logged. strict: over_budget instead of a conflict about the budget.';
