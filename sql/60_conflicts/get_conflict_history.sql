-- A read with a core half, because callers may not call core.fail.
create or replace function core.get_conflict_history(p_conflict_id bigint)
returns setof public.conflict_events
language plpgsql
stable
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
begin
  if not exists (
    select from public.conflicts as c where c.workspace = v_workspace and c.conflict_id = p_conflict_id
  ) then
    -- An empty history would look like a conflict to which nothing has happened.
    perform core.fail(
      'unknown_conflict',
      jsonb_build_object('conflict_id', p_conflict_id),
      'See get_active_conflicts for the open ones.'
    );
  end if;
  return query
  select * from public.conflict_events as e
  where e.workspace = v_workspace and e.conflict_id = p_conflict_id
  order by e.event_id;
end;
$$;

create or replace function public.get_conflict_history(conflict_id bigint)
returns setof public.conflict_events
language sql
stable
set search_path = ''
as $$
  select * from core.get_conflict_history(conflict_id);
$$;

comment on function public.get_conflict_history(bigint) is
'All that happened to a conflict, in order: opened, reported (again), updated, note, reassigned, resolved, reopened.
unknown_conflict if there is none of that number.';
