-- The work of a subsystem is made from this version, whatever a checkout has read: its agent says so.
create or replace function core.write_dependency(
  p_workspace text,
  p_subsystem text,
  p_on_subsystem text,
  p_document text,
  p_version integer,
  p_agent_name text,
  p_execution_id text
)
returns public.document_dependencies
language plpgsql
set search_path = ''
as $$
declare
  v_row public.document_dependencies;
begin
  insert into public.document_dependencies as d (
    workspace, subsystem, on_subsystem, document, seen_version, recorded_by, execution_id
  ) values (p_workspace, p_subsystem, p_on_subsystem, p_document, p_version, p_agent_name, p_execution_id)
  on conflict (workspace, subsystem, on_subsystem, document) do update set
    seen_version = excluded.seen_version,
    -- What was accepted of later versions holds as long as the work is made from the same.
    accepted_version = case when d.seen_version = excluded.seen_version then d.accepted_version end,
    read_version = null,
    read_token = null,
    recorded_by = excluded.recorded_by,
    recorded_at = excluded.recorded_at,
    execution_id = excluded.execution_id
  returning * into v_row;
  return v_row;
end;
$$;
