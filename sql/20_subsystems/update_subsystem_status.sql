create or replace function core.update_subsystem_status(
  p_subsystem text,
  p_status jsonb,
  p_execution_id text,
  p_fencing_token bigint,
  p_strict boolean,
  p_request_id uuid
)
returns public.subsystems
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_agent text;
  v_row public.subsystems;
begin
  perform core.require_name('subsystem', p_subsystem);
  perform core.require_name('execution_id', p_execution_id);
  perform core.require_status(p_subsystem, p_status);
  perform core.require_present('strict', to_jsonb(p_strict));
  v_request := core.recall_request(
    v_workspace, p_request_id, 'update_subsystem_status',
    jsonb_build_array(p_subsystem, p_status, p_execution_id, p_fencing_token, p_strict)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.subsystems, v_request.answer);
  end if;
  perform core.lock_shared_budget(v_workspace, p_subsystem, p_status);
  v_agent := core.guard_write(v_workspace, p_subsystem, p_execution_id, p_fencing_token);
  v_row := core.write_status(v_workspace, p_subsystem, p_status, p_execution_id, p_strict);
  perform core.write_activity(
    v_workspace, v_agent, 'status_updated', core.status_details(p_status, v_row), p_execution_id
  );
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.update_subsystem_status(
  subsystem text,
  status jsonb,
  execution_id text,
  fencing_token bigint default null,
  strict boolean default false,
  request_id uuid default null
)
returns public.subsystems
language sql
set search_path = ''
as $$
  select core.update_subsystem_status(subsystem, status, execution_id, fencing_token, strict, request_id);
$$;

comment on function public.update_subsystem_status(text, jsonb, text, bigint, boolean, uuid) is
'Merges a status into a subsystem, which is made if unknown, and returns the row.

Absent keys keep their value, unknown keys go to metadata (null removes them). A `version` makes it a compare-and-set:
stale_version if somebody wrote since. resource_locked while another execution holds the lease; with a fencing_token,
lease_lost unless that lease is still alive.

The database finds out within_budget by itself. A status over budget opens one conflict to system_architect, which
follows the overrun and is resolved when that has ended; with strict it is refused instead: over_budget. What is not
allocated to a subsystem is limited by what the totals leave unallocated, for all such subsystems together. Amounts
are rounded to six decimals.';
