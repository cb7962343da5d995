-- One value of Postgres holds at most 256 MB of an object or array. What usually fills it is the log.
create or replace function core.fail_export_too_large(p_workspace text)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  perform core.fail(
    'export_too_large',
    jsonb_build_object('workspace', p_workspace, 'limit_bytes', 268435455),
    'Prune the activity log (sharedstate prune), or save the whole database: sharedstate backup FILE.'
  );
  return null;
end;
$$;
