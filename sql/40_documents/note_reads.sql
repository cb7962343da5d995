-- Notes which versions of others' documents the holder of a subsystem's lease has read: p_rows as
-- latest_documents gives them, and version 0 of those in p_read that had none. What it read of itself is no
-- dependency. A new dependency is on what was read; of a known one that stands apart until the check-in, see
-- core.adopt_reads. A repetition of the call may be a late copy, whose answer nobody reads: it changes nothing that
-- is noted, for to hold the work for older than it is costs a look, and for newer hides a change.
create or replace function core.note_reads(
  p_lease public.agent_locks,
  p_document text,
  p_read text[],
  p_rows jsonb[],
  p_is_repetition boolean
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
  select
    p_lease.workspace, p_lease.resource_name, n.name, p_document, coalesce(max((r.value ->> 'version')::integer), 0),
    p_lease.locked_by, p_lease.execution_id
  from unnest(p_read) as n (name)
  left join unnest(p_rows) as r (value) on n.name = r.value ->> 'subsystem_name'
  where n.name <> p_lease.resource_name
  group by n.name
  order by n.name  -- all writers in one order, so that none of them deadlock
  on conflict (workspace, subsystem, on_subsystem, document) do update set
    read_version = nullif(excluded.seen_version, d.seen_version),
    read_token = case when d.seen_version <> excluded.seen_version then p_lease.fencing_token end
  -- To read the same again is no news.
  where not p_is_repetition and (d.read_version, d.read_token) is distinct from (
    nullif(excluded.seen_version, d.seen_version),
    case when d.seen_version <> excluded.seen_version then p_lease.fencing_token end
  );
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
