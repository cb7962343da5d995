create or replace function core.require_document(p_document text)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  if core.document_store(p_document) is null then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'document', 'reason', 'is no kind of document', 'value', left(p_document, 200)),
      'Use requirements, interfaces or design.'
    );
  end if;
  return true;
end;
$$;
