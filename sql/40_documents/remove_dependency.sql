create or replace function core.remove_dependency(
  p_subsystem text,
  p_on_subsystem text,
  p_document text,
  p_agent_name text,
  p_execution_id text,
  p_request_id uuid
)
returns setof public.document_dependencies
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_request core.request;
  v_row public.document_dependencies;
begin
  perform core.require_dependency(p_subsystem, p_on_subsystem, p_document);
  perform core.require_agent('agent_name', p_agent_name);
  perform core.require_optional_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'remove_dependency',
    jsonb_build_array(p_subsystem, p_on_subsystem, p_document, p_agent_name, p_execution_id)
  );
  if v_request.is_replay then
    return query select * from jsonb_populate_recordset(null::public.document_dependencies, v_request.answer);
    return;
  end if;
  delete from public.document_dependencies as d
  where d.workspace = v_workspace and d.subsystem = p_subsystem
    and d.on_subsystem = p_on_subsystem and d.document = p_document
  returning d.* into v_row;
  if not found then
    -- Remembered too: a repetition must not remove what was recorded since.
    perform core.remember_request(v_request, '[]');
    return;
  end if;
  perform core.write_activity(
    v_workspace, p_agent_name, 'dependency_removed',
    jsonb_build_object('subsystem', p_subsystem, 'on_subsystem', p_on_subsystem, 'document', p_document),
    p_execution_id
  );
  perform core.remember_request(v_request, jsonb_build_array(v_row));
  return next v_row;
end;
$$;

create or replace function public.remove_dependency(
  subsystem text,
  on_subsystem text,
  document text,
  agent_name text,
  execution_id text default null,
  request_id uuid default null
)
returns setof public.document_dependencies
language sql
rows 1
set search_path = ''
as $$
  select core.remove_dependency(subsystem, on_subsystem, document, agent_name, execution_id, request_id);
$$;

comment on function public.remove_dependency(text, text, text, text, text, uuid) is
'Notes that the work of a subsystem no longer builds on another one''s document: the row that was removed, or nothing
(an empty list).';
