-- Nobody can have started from a version that has not been published. One of those before may be missing, after a
-- restore: that is for core.rebase_document.
create or replace function core.require_base_version(
  p_document jsonb,
  p_base_version integer,
  p_latest_version integer
)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  perform core.require_whole_number('base_version', to_jsonb(p_base_version), 0, 2147483647);
  if p_base_version > p_latest_version then
    perform core.fail(
      'unknown_version',
      p_document || jsonb_build_object('version', p_base_version, 'latest_version', p_latest_version),
      'Send as base_version the version that you read and changed, 0 where there was none.'
    );
  end if;
  return true;
end;
$$;
