-- Everything that is needed to redo the change: what it started from, what is there now, what was
-- sent, and the parts where the last two cannot both be right.
create or replace function core.fail_stale_version(
  p_document jsonb,
  p_base_version integer,
  p_latest_version integer,
  p_base jsonb,
  p_theirs jsonb,
  p_yours jsonb,
  p_paths text[]
)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return core.fail(
    'stale_version',
    p_document || jsonb_build_object(
      'expected', p_base_version, 'actual', p_latest_version,
      'base_version', p_base_version, 'latest_version', p_latest_version,
      'base', p_base, 'theirs', p_theirs, 'yours', p_yours, 'paths', to_jsonb(p_paths)
    ),
    'Redo the change on `theirs`, the latest version, and write that with latest_version as base_version.'
  );
end;
$$;
