-- The content of a version that has to be there.
create or replace function core.require_document_version(
  p_workspace text,
  p_document text,
  p_subsystem text,
  p_version integer
)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_content constant jsonb := core.document_content(p_workspace, p_document, p_subsystem, p_version);
begin
  if v_content is null then
    perform core.fail(
      'unknown_version',
      jsonb_build_object('document', p_document, 'subsystem', p_subsystem, 'version', p_version),
      'The history of the document lists the versions that there are.'
    );
  end if;
  return v_content;
end;
$$;
