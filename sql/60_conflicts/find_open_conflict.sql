-- The open conflict of this source, target and key, locked until commit; nothing if there is none. One that
-- was reassigned counts for both targets: its source does not have to know. A caller that may report
-- afterwards holds the counter already (see core.hold_conflict_counter).
create or replace function core.find_open_conflict(
  p_workspace text,
  p_source text,
  p_target text,
  p_conflict_key text
)
returns setof public.conflicts
language plpgsql
rows 1
set search_path = ''
as $$
begin
  return query
  select * from public.conflicts as c
  where c.workspace = p_workspace and c.source_agent = p_source and c.conflict_key = p_conflict_key
    and p_target in (c.target_agent, c.reported_to) and c.status = 'open'
  for no key update;
end;
$$;
