-- Compare-and-set for versioned documents; the caller holds the lock under which numbers are given.
create or replace function core.require_base_version(p_document text, p_base_version integer, p_latest integer)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  if p_base_version <> p_latest then
    perform core.fail(
      'stale_version',
      jsonb_build_object('document', p_document, 'expected', p_base_version, 'actual', p_latest),
      'Read the latest version, redo the change on it and write that with its number as base_version.'
    );
  end if;
  return true;
end;
$$;
