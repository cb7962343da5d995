-- Where a kind of document is kept: its table, and the column of its content. The three tables differ
-- in nothing else, so that one function serves them all; no name of these comes from a caller.
create or replace function core.document_store(p_document text)
returns core.document_store
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case p_document
    when 'requirements' then row('subsystem_requirements', 'requirements')::core.document_store
    when 'interfaces' then row('subsystem_interfaces', 'interfaces')::core.document_store
    when 'design' then row('subsystem_designs', 'design_data')::core.document_store
  end;
end;
$$;
