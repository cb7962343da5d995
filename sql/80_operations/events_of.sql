-- The history of a conflict as an export carries it.
create or replace function core.events_of(p_workspace text, p_conflict_id bigint)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select coalesce(jsonb_agg(to_jsonb(e) - array['workspace', 'conflict_id'] order by e.event_id), '[]')
    from public.conflict_events as e
    where e.workspace = p_workspace and e.conflict_id = p_conflict_id
  );
end;
$$;
