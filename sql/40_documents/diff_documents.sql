-- A read with a core half, because it calls helpers that callers may not.
create or replace function core.diff_documents(
  p_subsystem text,
  p_document text,
  p_from_version integer,
  p_to_version integer
)
returns setof public.document_change
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
begin
  perform core.require_name('subsystem', p_subsystem);
  perform core.require_document(p_document);
  return query select * from core.compare_documents(
    core.require_document_version(v_workspace, p_document, p_subsystem, p_from_version),
    core.require_document_version(v_workspace, p_document, p_subsystem, p_to_version)
  );
end;
$$;

create or replace function public.diff_documents(
  subsystem text,
  document text,
  from_version integer,
  to_version integer
)
returns setof public.document_change
language sql
stable
set search_path = ''
as $$
  select * from core.diff_documents(subsystem, document, from_version, to_version);
$$;

comment on function public.diff_documents(text, text, integer, integer) is
'What differs between two versions of a subsystem''s document (requirements, interfaces or design), part by part, with
the JSON pointer of each. Version 0 is the empty document before the first. unknown_version if there is none of that
number.';
