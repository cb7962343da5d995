-- A document that was made from another version, put on top of the latest one; stale_version where that cannot
-- be, because both changed the same part or because the version that it started from is no longer there.
-- p_document names it for the error, e.g. {"document": "design", "subsystem": "skeleton"}.
create or replace function core.rebase_document(
  p_document jsonb,
  p_base_version integer,
  p_latest_version integer,
  p_base jsonb,
  p_theirs jsonb,
  p_yours jsonb
)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_yours constant jsonb := core.keep_numbers(p_base, p_yours);
  v_merge core.document_merge;
begin
  perform core.require_base_version(p_document, p_base_version, p_latest_version);
  if p_base_version = p_latest_version then
    return v_yours;
  elsif p_base is null then
    v_merge := row(null::jsonb, array['']);
  else
    v_merge := core.merge_documents(p_base, p_theirs, v_yours);
  end if;
  if v_merge.conflicts <> '{}' then
    perform core.fail_stale_version(
      p_document, p_base_version, p_latest_version, p_base, p_theirs, v_yours, v_merge.conflicts
    );
  end if;
  return v_merge.document;
end;
$$;
