-- The import of what has happened: counters, conflicts with their histories, the log.
--
-- - A number or token that was given is never given again, so counters only grow. They are limited far below what the
--   columns can hold: a counter at its end would stop its workspace for good.
-- - A conflict is identified by its number, an entry of the log by its import_key. What the database has stays as it
--   is.
-- - A conflict comes with its events. If it is refused, so are its events.
--
-- Lock order: fencing counters by resource; after the subsystem rows the conflict counter (core.import_state locks it),
-- then conflicts.

create or replace function core.import_fencing_counters(p_workspace text, p_counters jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_most constant bigint := 1::bigint << 53;
  v_counts public.import_counts := row('counters', 0, 0, 0);
  v_entry jsonb;
begin
  if p_counters ? 'last_conflict_id' then
    perform core.require_whole_number('document.counters.last_conflict_id', p_counters -> 'last_conflict_id', 0, v_most);
  end if;
  if jsonb_typeof(p_counters -> 'fencing') <> 'array' then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'document.counters.fencing', 'reason', 'is no list'),
      'Send the counters of export_state.'
    );
  end if;
  for v_entry in select e.value from jsonb_array_elements(p_counters -> 'fencing') as e loop
    perform core.require_object('document.counters.fencing', v_entry);
    perform core.require_name('document.counters.fencing.resource_type', v_entry ->> 'resource_type');
    perform core.require_name('document.counters.fencing.resource_name', v_entry ->> 'resource_name');
    perform core.require_whole_number('document.counters.fencing.last_token', v_entry -> 'last_token', 1, v_most);
  end loop;
  insert into core.fencing_counters as f (workspace, resource_type, resource_name, last_token)
  select p_workspace, e.resource_type, e.resource_name, e.last_token
  from jsonb_populate_recordset(null::core.fencing_counters, p_counters -> 'fencing') as e
  order by e.resource_type, e.resource_name
  on conflict (workspace, resource_type, resource_name)
  do update set last_token = excluded.last_token where f.last_token < excluded.last_token;
  get diagnostics v_counts.imported = row_count;
  v_counts.unchanged := coalesce(jsonb_array_length(p_counters -> 'fencing'), 0) - v_counts.imported;
  return v_counts;
end;
$$;

-- Imports the events of a conflict. If it has none, they are made from its columns: opened, and perhaps resolved.
create or replace function core.import_conflict_events(p_conflict public.conflicts, p_events jsonb)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_count integer;
begin
  perform core.require_name('document.conflicts.events.agent_name', e.agent_name)
  from jsonb_populate_recordset(null::public.conflict_events, p_events) as e;
  insert into public.conflict_events (
    workspace, conflict_id, event_id, event, agent_name, details, created_at, execution_id
  )
  select
    p_conflict.workspace, p_conflict.conflict_id, row_number() over (order by e.event_id), e.event, e.agent_name,
    coalesce(e.details, '{}'), coalesce(e.created_at, p_conflict.created_at), e.execution_id
  from jsonb_populate_recordset(null::public.conflict_events, p_events) as e;
  get diagnostics v_count = row_count;
  if v_count > 0 then
    return v_count;
  end if;
  insert into public.conflict_events (
    workspace, conflict_id, event_id, event, agent_name, details, created_at, execution_id
  ) values (
    p_conflict.workspace, p_conflict.conflict_id, 1, 'opened', p_conflict.source_agent,
    jsonb_build_object(
      'severity', p_conflict.severity, 'priority', p_conflict.priority, 'target_agent', p_conflict.target_agent,
      'description', p_conflict.description, 'details', p_conflict.details, 'blocks_agents', p_conflict.blocks_agents
    ),
    p_conflict.created_at, p_conflict.execution_id
  );
  if p_conflict.status = 'open' then
    return 1;
  end if;
  insert into public.conflict_events (
    workspace, conflict_id, event_id, event, agent_name, details, created_at
  ) values (
    p_conflict.workspace, p_conflict.conflict_id, 2, 'resolved',
    coalesce(p_conflict.resolved_by, p_conflict.target_agent),
    jsonb_build_object('resolution', p_conflict.resolution), p_conflict.resolved_at
  );
  return 2;
end;
$$;

-- The caller holds the conflict counter, so that no other conflict is numbered.
create or replace function core.import_conflicts(p_workspace text, p_entries jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_counts public.import_counts := row('conflicts', 0, 0, 0);
  v_entry public.conflicts;
  v_events jsonb;
begin
  perform core.require_whole_number('document.conflicts.conflict_id', e.value -> 'conflict_id', 1, 1::bigint << 53)
  from jsonb_array_elements(p_entries) as e;
  for v_events in
    select e.value from jsonb_array_elements(p_entries) as e order by (e.value -> 'conflict_id')::numeric
  loop
    v_entry := jsonb_populate_record(null::public.conflicts, v_events);
    v_events := v_events -> 'events';
    v_entry.workspace := p_workspace;
    v_entry.priority := coalesce(v_entry.priority, 3);
    v_entry.details := coalesce(v_entry.details, '{}');
    v_entry.blocks_agents := coalesce(v_entry.blocks_agents, '{}');
    v_entry.status := coalesce(v_entry.status, 'open');
    v_entry.created_at := coalesce(v_entry.created_at, clock_timestamp());
    v_entry.reported_to := coalesce(v_entry.reported_to, v_entry.target_agent);
    v_entry.reports := coalesce(v_entry.reports, 1);
    v_entry.last_reported_at := coalesce(v_entry.last_reported_at, v_entry.created_at);
    perform core.require_name('document.conflicts.source_agent', v_entry.source_agent);
    perform core.require_name('document.conflicts.target_agent', v_entry.target_agent);
    perform core.require_name('document.conflicts.reported_to', v_entry.reported_to);
    perform core.require_optional_name('document.conflicts.resolved_by', v_entry.resolved_by);
    if v_entry.conflict_key is not null then
      perform core.require_label('document.conflicts.conflict_key', v_entry.conflict_key);
    end if;
    if exists (
      select from public.conflicts as c where c.workspace = p_workspace and c.conflict_id = v_entry.conflict_id
    ) then
      perform from public.conflicts as c
      where c.workspace = p_workspace and c.conflict_id = v_entry.conflict_id and (
        c.severity, c.priority, c.source_agent, c.target_agent, c.description, c.details, c.blocks_agents, c.status,
        c.resolution, c.conflict_key, c.reported_to, c.reports
      ) is not distinct from (
        v_entry.severity, v_entry.priority, v_entry.source_agent, v_entry.target_agent, v_entry.description,
        v_entry.details, v_entry.blocks_agents, v_entry.status, v_entry.resolution, v_entry.conflict_key,
        v_entry.reported_to, v_entry.reports
      ) and coalesce(v_events, '[]') in ('[]', core.events_of(p_workspace, c.conflict_id));
      v_counts.unchanged := v_counts.unchanged + found::integer;
      v_counts.refused := v_counts.refused + (not found)::integer;
      continue;
    end if;
    -- If one of the same source, target and key is open under another number, that stays.
    if v_entry.status = 'open' and core.find_duplicate(v_entry, v_entry.target_agent) is not null then
      v_counts.refused := v_counts.refused + 1;
    else
      insert into public.conflicts select v_entry.*;
      perform core.import_conflict_events(v_entry, v_events);
      v_counts.imported := v_counts.imported + 1;
    end if;
    update core.conflict_counters as n set last_conflict_id = v_entry.conflict_id
    where n.workspace = p_workspace and n.last_conflict_id < v_entry.conflict_id;
  end loop;
  return v_counts;
end;
$$;

create or replace function core.import_activity(p_workspace text, p_entries jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_counts public.import_counts := row('agent_activity_logs', 0, 0, 0);
begin
  if jsonb_path_exists(p_entries, '$[*] ? (!exists(@.import_key) || @.import_key == null)') then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'document.agent_activity_logs', 'reason', 'has an entry without import_key'),
      'Give each entry a uuid that stays the same when it is imported again.'
    );
  end if;
  -- Each name is checked once: a log has many entries and few names.
  perform core.require_name('document.agent_activity_logs.agent_name', n.name)
  from (select distinct e.value ->> 'agent_name' as name from jsonb_array_elements(p_entries) as e) as n;
  perform core.require_label('document.agent_activity_logs.activity', n.label)
  from (select distinct e.value ->> 'activity' as label from jsonb_array_elements(p_entries) as e) as n;
  insert into public.agent_activity_logs (
    workspace, agent_name, activity, details, execution_id, "timestamp", import_key
  )
  select
    p_workspace, e.agent_name, e.activity, coalesce(e.details, '{}'), e.execution_id,
    coalesce(e."timestamp", clock_timestamp()), e.import_key
  from jsonb_populate_recordset(null::public.agent_activity_logs, p_entries) as e
  on conflict (workspace, import_key) where import_key is not null do nothing;
  get diagnostics v_counts.imported = row_count;
  v_counts.unchanged := coalesce(jsonb_array_length(p_entries), 0) - v_counts.imported;
  return v_counts;
end;
$$;
