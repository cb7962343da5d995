-- The work is checked in: from now on it is made from what the checkout with this token has read. Without
-- that token nothing counts, for whoever read it has lost the lease, and its work with it.
create or replace function core.adopt_reads(
  p_workspace text,
  p_subsystem text,
  p_fencing_token bigint,
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
  with read as materialized (
    select d.document, d.on_subsystem from public.document_dependencies as d
    where d.workspace = p_workspace and d.subsystem = p_subsystem and d.read_token = p_fencing_token
    order by d.document, d.on_subsystem  -- as all who write dependencies
    for update
  )
  update public.document_dependencies as d set
    seen_version = d.read_version,
    accepted_version = null,  -- was said of the work that was made from another version
    read_version = null,
    read_token = null,
    recorded_by = p_agent_name,
    recorded_at = clock_timestamp(),
    execution_id = p_execution_id
  from read as r
  where d.workspace = p_workspace and d.subsystem = p_subsystem
    and d.document = r.document and d.on_subsystem = r.on_subsystem;
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
