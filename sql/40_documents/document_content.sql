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
begin
  -- Spelt out for the same reason as core.latest_version.
  if p_version = 0 then
    return '{}'::jsonb;
  elsif p_document = 'requirements' then
    return (
      select d.requirements from public.subsystem_requirements as d
      where d.workspace = p_workspace and d.subsystem_name = p_subsystem and d.version = p_version
    );
  elsif p_document = 'interfaces' then
    return (
      select d.interfaces from public.subsystem_interfaces as d
      where d.workspace = p_workspace and d.subsystem_name = p_subsystem and d.version = p_version
    );
  end if;
  return (
    select d.design_data from public.subsystem_designs as d
    where d.workspace = p_workspace and d.subsystem_name = p_subsystem and d.version = p_version
  );
end;
$$;
