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
  v_request core.request;
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
  perform core.lock_shared_budget(v_workspace, p_subsystem, p_status);
  perform core.announce_subsystem(v_workspace, p_subsystem);
  if p_release then
    perform core.hold_for_release(v_workspace, p_subsystem);
  end if;
  perform core.guard_write(v_workspace, p_subsystem, p_execution_id, p_fencing_token);
  v_checkin.status := core.write_status(v_workspace, p_subsystem, p_status, p_execution_id, p_strict);
  if num_nonnulls(p_interfaces, p_design_data) > 0 then
    -- Before the dependencies, which a reason for stale inputs changes.
    perform core.hold_publications(v_workspace, array[p_subsystem], true);
  end if;
  if (v_checkin.status).state = 'complete' or num_nonnulls(p_interfaces, p_design_data) > 0 then
    -- This is what was made from the versions that the checkout has read; a mere state says nothing of that.
    perform core.adopt_reads(v_workspace, p_subsystem, p_fencing_token, p_agent_name, p_execution_id);
  end if;
  if (v_checkin.status).state = 'complete' then
    perform core.require_fresh_inputs(v_workspace, p_subsystem, p_accept_stale, p_agent_name, p_execution_id);
  end if;
  v_checkin := core.publish_checkin(
    v_checkin, v_workspace, p_subsystem, p_interfaces, p_design_data, p_agent_name, p_execution_id
  );
  perform core.write_activity(
    v_workspace, p_agent_name, coalesce(p_activity, 'checked_in'),
    p_details || jsonb_strip_nulls(jsonb_build_object(
      'subsystem', p_subsystem, 'state', (v_checkin.status).state, 'version', (v_checkin.status).version,
      'interfaces_version', (v_checkin.interfaces).version, 'design_version', (v_checkin.design).version
    )),
    p_execution_id
  );
  if p_release then
    delete from public.agent_locks as l
    where l.workspace = v_workspace and l.resource_type = 'subsystem' and l.resource_name = p_subsystem
      and l.fencing_token = p_fencing_token;
  end if;
  v_checkin.released := p_release;
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
