-- Notes which versions of others' documents a subsystem's agent has read: p_rows as latest_documents
-- gives them, and version 0 of those in p_read that had none. What it read of itself is no dependency.
create or replace function core.write_dependencies(
  p_workspace text,
  p_subsystem text,
  p_document text,
  p_read text[],
  p_rows jsonb[],
  p_agent_name text,
  p_execution_id text
)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_count integer;
begin
  insert into public.document_dependencies as d (
    workspace, subsystem, on_subsystem, document, seen_version, recorded_by, execution_id
  )
  select p_workspace, p_subsystem, n.name, p_document, coalesce(max((r.value ->> 'version')::integer), 0), p_agent_name,
    p_execution_id
  from unnest(p_read) as n (name)
  left join unnest(p_rows) as r (value) on n.name = r.value ->> 'subsystem_name'
  where n.name <> p_subsystem
  group by n.name
  order by n.name  -- all writers in one order, so that none of them deadlock
  on conflict (workspace, subsystem, on_subsystem, document) do update set
    seen_version = excluded.seen_version,
    -- What was accepted of later versions holds as long as the work is made from the same.
    accepted_version = case when d.seen_version = excluded.seen_version then d.accepted_version end,
    recorded_by = excluded.recorded_by,
    recorded_at = excluded.recorded_at,
    execution_id = excluded.execution_id
  -- To read the same again, as a repeated call does, is no news.
  where (d.seen_version, d.recorded_by, d.execution_id)
    is distinct from (excluded.seen_version, excluded.recorded_by, excluded.execution_id);
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
