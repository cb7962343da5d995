create or replace function core.fail_unknown_conflict(p_conflict_id bigint)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return core.fail(
    'unknown_conflict',
    jsonb_build_object('conflict_id', p_conflict_id),
    'See get_active_conflicts for the open ones.'
  );
end;
$$;
