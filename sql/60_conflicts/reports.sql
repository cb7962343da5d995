-- Opening a conflict, counting further reports on it, and resolving it: for agents (log_conflict, resolve_conflict),
-- and for the conflicts about budgets, which the database reports itself (50_budgets/overrun_conflicts.sql).
--
-- Each change adds an event to the history of the conflict and an entry to the activity log, in the same transaction.
-- Numbers of conflicts come from the workspace's counter, whose row is locked until commit. So they have no gaps, and
-- none is given twice. Numbers of events are given under the lock on the conflict's row.
--
-- Lock order: conflict counter, then conflict row; see open_conflicts.sql.

-- Adds an event to the history. The caller holds the conflict's row, under which events are numbered.
create or replace function core.write_conflict_event(
  p_conflict public.conflicts,
  p_event text,
  p_agent_name text,
  p_details jsonb,
  p_execution_id text
)
returns public.conflict_events
language plpgsql
set search_path = ''
as $$
declare
  v_row public.conflict_events;
begin
  insert into public.conflict_events as e (
    workspace, conflict_id, event_id, event, agent_name, details, execution_id
  )
  select
    p_conflict.workspace, p_conflict.conflict_id, coalesce(max(k.event_id), 0) + 1, p_event, p_agent_name,
    p_details, p_execution_id
  from public.conflict_events as k
  where k.workspace = p_conflict.workspace and k.conflict_id = p_conflict.conflict_id
  returning e.* into v_row;
  return v_row;
end;
$$;

-- Opens a conflict. If one of the same source, target and key is open, that is updated with the report instead; without
-- a key each report opens a conflict. Null details or blocks leave those of the open one as they are.
--
-- p_counts is false for the database's own reports, which it makes with each write while an overrun lasts. They are not
-- counted, and one that says the same as before changes nothing.
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
  v_event text;
  v_row public.conflicts;
begin
  if p_conflict_key is not null then
    -- As core.lock_conflict_counter: before the search for an open one, so that its result stays true.
    perform from core.conflict_counters as n where n.workspace = p_workspace for no key update;
    select * into v_row from core.find_open_conflict(p_workspace, p_source, p_target, p_conflict_key);
  end if;
  if v_row.conflict_id is null then
    v_event := 'opened';
    update core.conflict_counters as n set last_conflict_id = n.last_conflict_id + 1
    where n.workspace = p_workspace
    returning n.last_conflict_id into v_row.conflict_id;
    insert into public.conflicts as c (
      workspace, conflict_id, severity, priority, source_agent, target_agent, description, details,
      blocks_agents, execution_id, conflict_key, reported_to
    ) values (
      p_workspace, v_row.conflict_id, p_severity, p_priority, p_source, p_target,
      p_description, coalesce(p_details, '{}'), coalesce(p_blocks, '{}'), p_execution_id, p_conflict_key, p_target
    )
    returning c.* into v_row;
  elsif not p_counts and (
    v_row.severity, v_row.priority, v_row.description, v_row.details, v_row.blocks_agents
  ) = (
    p_severity, p_priority, p_description, coalesce(p_details, v_row.details),
    coalesce(p_blocks, v_row.blocks_agents)
  ) then
    return v_row;
  else
    v_event := case when p_counts then 'reported' else 'updated' end;
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
  end if;
  perform core.write_conflict_event(
    v_row, v_event, v_author,
    jsonb_build_object(
      'severity', v_row.severity, 'priority', v_row.priority, 'target_agent', v_row.target_agent,
      'description', v_row.description, 'details', v_row.details, 'blocks_agents', v_row.blocks_agents
    ),
    p_execution_id
  );
  perform core.write_activity(
    p_workspace, v_author, case v_event when 'opened' then 'conflict_created' else 'conflict_' || v_event end,
    jsonb_build_object('conflict_id', v_row.conflict_id, 'severity', v_row.severity, 'target', v_row.target_agent),
    p_execution_id
  );
  return v_row;
end;
$$;

-- Resolves an open conflict and returns its row, which the caller has locked. p_details go into the history.
create or replace function core.settle_conflict(
  p_workspace text,
  p_conflict_id bigint,
  p_resolution text,
  p_resolved_by text,
  p_execution_id text,
  p_details jsonb default '{}'
)
returns public.conflicts
language plpgsql
set search_path = ''
as $$
declare
  v_row public.conflicts;
begin
  update public.conflicts as c
  set
    status = 'resolved',
    resolution = p_resolution,
    resolved_by = p_resolved_by,
    resolved_at = clock_timestamp()
  where c.workspace = p_workspace and c.conflict_id = p_conflict_id
  returning c.* into v_row;
  perform core.write_conflict_event(
    v_row, 'resolved', p_resolved_by, jsonb_build_object('resolution', p_resolution) || p_details, p_execution_id
  );
  perform core.write_activity(
    p_workspace, p_resolved_by, 'conflict_resolved',
    jsonb_build_object('conflict_id', p_conflict_id, 'resolution', p_resolution),
    p_execution_id
  );
  return v_row;
end;
$$;
