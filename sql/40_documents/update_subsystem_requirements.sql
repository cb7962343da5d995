create or replace function core.update_subsystem_requirements(
  p_subsystem text,
  p_requirements jsonb,
  p_created_by text,
  p_base_version integer,
  p_fencing_token bigint,
  p_execution_id text,
  p_request_id uuid
)
returns public.subsystem_requirements
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_version integer;
  v_row public.subsystem_requirements;
begin
  perform core.require_name('subsystem', p_subsystem);
  perform core.require_object('requirements', p_requirements);
  perform core.require_agent('created_by', p_created_by);
  perform core.require_optional_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'update_subsystem_requirements',
    jsonb_build_array(p_subsystem, p_requirements, p_created_by, p_base_version, p_fencing_token, p_execution_id)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.subsystem_requirements, v_request.answer);
  end if;
  -- Requirements come from outside, so another agent's lease does not stop them. A token is still checked.
  if p_fencing_token is null then
    perform core.lock_absent_subsystem(v_workspace, p_subsystem);
  else
    perform core.guard_write(v_workspace, p_subsystem, p_execution_id, p_fencing_token);
  end if;
  v_version := core.write_document(
    v_workspace, 'requirements', p_subsystem, p_requirements, p_created_by, p_base_version, p_execution_id, true
  );
  select * into v_row from public.subsystem_requirements as d
  where d.workspace = v_workspace and d.subsystem_name = p_subsystem and d.version = v_version;
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.update_subsystem_requirements(
  subsystem text,
  requirements jsonb,
  created_by text,
  base_version integer default null,
  fencing_token bigint default null,
  execution_id text default null,
  request_id uuid default null
)
returns public.subsystem_requirements
language sql
set search_path = ''
as $$
  select core.update_subsystem_requirements(
    subsystem, requirements, created_by, base_version, fencing_token, execution_id, request_id
  );
$$;

comment on function public.update_subsystem_requirements(text, jsonb, text, integer, bigint, text, uuid) is
'Publishes the next version of the requirements of a subsystem, which is made if unknown, and returns the row.

Send base_version, the version that it was made from (0: there was none). What others published since is merged with it,
part by part, and the row says `merged`; stale_version where both changed the same part. A lease held by somebody else
does not stop it, because requirements come from outside the subsystem; a fencing_token, if sent, must be alive
(lease_lost).';
