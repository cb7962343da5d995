-- Says why a conflict could not be resolved: there is none of that number, or somebody was first.
create or replace function core.fail_not_open(p_workspace text, p_conflict_id bigint)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_row public.conflicts;
begin
  select * into v_row from public.conflicts as c
  where c.workspace = p_workspace and c.conflict_id = p_conflict_id;
  if not found then
    return core.fail_unknown_conflict(p_conflict_id);
  end if;
  return core.fail(
    'conflict_already_resolved',
    jsonb_build_object(
      'conflict_id', p_conflict_id, 'resolved_by', v_row.resolved_by,
      'resolved_at', v_row.resolved_at, 'resolution', v_row.resolution
    ),
    'Read the resolution in the detail; open a new conflict if it does not settle yours.'
  );
end;
$$;
