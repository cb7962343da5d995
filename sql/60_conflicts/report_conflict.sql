-- Opens a conflict. One of the same source, target and key that is open takes the report instead, with all
-- that is new in it; a null key makes each report a conflict of its own. Null details or blocked agents leave
-- those that the open one has.
--
-- p_counts false is for what the database sees itself, again with each write: then the same report changes
-- nothing, and a changed one updates the conflict without being counted.
create or replace function core.report_conflict(
  p_workspace text,
  p_severity text,
  p_priority integer,
  p_source text,
  p_target text,
  p_conflict_key text,
  p_description text,
  p_details jsonb,
  p_blocks text[],
  p_execution_id text,
  p_counts boolean default true
)
returns public.conflicts
language plpgsql
set search_path = ''
as $$
declare
  v_author constant text := case when p_counts then p_source else 'sharedstate' end;
  v_row public.conflicts;
begin
  perform core.hold_conflict_counter(p_workspace);
  select * into v_row from core.find_open_conflict(p_workspace, p_source, p_target, p_conflict_key);
  if not found then
    insert into public.conflicts as c (
      workspace, conflict_id, severity, priority, source_agent, target_agent, description, details,
      blocks_agents, execution_id, conflict_key, reported_to
    ) values (
      p_workspace, core.next_conflict_id(p_workspace), p_severity, p_priority, p_source, p_target,
      p_description, coalesce(p_details, '{}'), coalesce(p_blocks, '{}'), p_execution_id, p_conflict_key, p_target
    )
    returning c.* into v_row;
    return core.write_report(v_row, 'opened', 'conflict_created', v_author, p_execution_id);
  end if;
  if not p_counts and (
    v_row.severity, v_row.priority, v_row.description, v_row.details, v_row.blocks_agents
  ) = (
    p_severity, p_priority, p_description, coalesce(p_details, v_row.details),
    coalesce(p_blocks, v_row.blocks_agents)
  ) then
    return v_row;
  end if;
  update public.conflicts as c
  set
    severity = p_severity,
    priority = p_priority,
    description = p_description,
    details = coalesce(p_details, c.details),
    blocks_agents = coalesce(p_blocks, c.blocks_agents),
    reports = c.reports + p_counts::integer,
    last_reported_at = clock_timestamp()
  where c.workspace = p_workspace and c.conflict_id = v_row.conflict_id
  returning c.* into v_row;
  if p_counts then
    return core.write_report(v_row, 'reported', 'conflict_reported', v_author, p_execution_id);
  end if;
  return core.write_report(v_row, 'updated', 'conflict_updated', v_author, p_execution_id);
end;
$$;
