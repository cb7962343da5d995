create or replace function core.record_dependency(
  p_subsystem text,
  p_on_subsystem text,
  p_document text,
  p_version integer,
  p_agent_name text,
  p_execution_id text,
  p_request_id uuid
)
returns public.document_dependencies
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_version integer;
  v_row public.document_dependencies;
begin
  perform core.require_dependency(p_subsystem, p_on_subsystem, p_document);
  perform core.require_agent('agent_name', p_agent_name);
  perform core.require_optional_name('execution_id', p_execution_id);
  if p_version is not null then
    perform core.require_whole_number('version', to_jsonb(p_version), 0, 2147483647);
  end if;
  v_request := core.recall_request(
    v_workspace, p_request_id, 'record_dependency',
    jsonb_build_array(p_subsystem, p_on_subsystem, p_document, p_version, p_agent_name, p_execution_id)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.document_dependencies, v_request.answer);
  end if;
  perform core.lock_publications(v_workspace, array[p_on_subsystem], false);
  v_version := coalesce(p_version, (
    select max(d.version) from core.documents as d
    where d.workspace = v_workspace and d.document = p_document and d.subsystem = p_on_subsystem
  ), 0);
  perform core.require_document_version(v_workspace, p_document, p_on_subsystem, v_version);
  insert into public.document_dependencies as d (
    workspace, subsystem, on_subsystem, document, seen_version, recorded_by, execution_id
  ) values (v_workspace, p_subsystem, p_on_subsystem, p_document, v_version, p_agent_name, p_execution_id)
  on conflict (workspace, subsystem, on_subsystem, document) do update set
    seen_version = excluded.seen_version,
    -- What was accepted stays accepted while the seen version is the same.
    accepted_version = case when d.seen_version = excluded.seen_version then d.accepted_version end,
    read_version = null,  -- this replaces what a checkout has read
    read_token = null,
    recorded_by = excluded.recorded_by,
    recorded_at = excluded.recorded_at,
    execution_id = excluded.execution_id
  returning d.* into v_row;
  perform core.write_activity(
    v_workspace, p_agent_name, 'dependency_recorded',
    jsonb_build_object(
      'subsystem', p_subsystem, 'on_subsystem', p_on_subsystem, 'document', p_document, 'version', v_version
    ),
    p_execution_id
  );
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.record_dependency(
  subsystem text,
  on_subsystem text,
  document text,
  agent_name text,
  version integer default null,
  execution_id text default null,
  request_id uuid default null
)
returns public.document_dependencies
language sql
set search_path = ''
as $$
  select core.record_dependency(subsystem, on_subsystem, document, version, agent_name, execution_id, request_id);
$$;

comment on function public.record_dependency(text, text, text, text, integer, text, uuid) is
'Notes that the work of a subsystem is made from a version (the latest, unless named) of another one''s requirements,
interfaces or design: from now on, and not only from the check-in, as with what checkout_subsystem reads. When a newer
version is published, the subsystem is stale: system_status.stale_inputs tells.';
