-- The content of one version of a document, null if there is no such version. Version 0 is what was
-- there before the first: an empty document.
create or replace function core.document_content(
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
  v_store constant core.document_store := core.document_store(p_document);
  v_content jsonb;
begin
  if p_version = 0 then
    return '{}'::jsonb;
  end if;
  execute format(
    'select d.%I from public.%I as d where d.workspace = $1 and d.subsystem_name = $2 and d.version = $3',
    v_store.column_name, v_store.table_name
  ) into v_content using p_workspace, p_subsystem, p_version;
  return v_content;
end;
$$;
