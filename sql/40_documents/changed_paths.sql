create or replace function core.changed_paths(
  p_workspace text,
  p_document text,
  p_subsystem text,
  p_from_version integer,
  p_to_version integer
)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(c.path), '[]')
    from core.compare_documents(
      core.document_content(p_workspace, p_document, p_subsystem, p_from_version),
      core.document_content(p_workspace, p_document, p_subsystem, p_to_version)
    ) as c
  );
end;
$$;
