-- The subsystem whose budget a conflict is about, or robot, or null: these conflicts are the database's own.
create or replace function core.watched_subsystem(p_workspace text, p_conflict_id bigint)
returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select c.source_agent from public.conflicts as c
    where c.workspace = p_workspace and c.conflict_id = p_conflict_id
      and c.conflict_key in ('sharedstate:budget', 'sharedstate:totals')
      and 'system_architect' in (c.target_agent, c.reported_to)
  );
end;
$$;
