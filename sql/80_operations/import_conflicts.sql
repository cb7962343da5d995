-- Under the lock on the counter's row, so that no conflict is numbered meanwhile. An entry brings its events
-- along: a conflict that is refused keeps its own.
create or replace function core.import_conflicts(p_workspace text, p_entries jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_counts public.import_counts := row('conflicts', 0, 0, 0);
  v_entry public.conflicts;
  v_known public.conflicts;
  v_events jsonb;
begin
  perform core.lock_conflict_counter(p_workspace);
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
    select * into v_known from public.conflicts as c
    where c.workspace = p_workspace and c.conflict_id = v_entry.conflict_id;
    if not found then
      -- An open one of the same source, target and key may be here under another number: it stays.
      if v_entry.status = 'open' and core.find_duplicate(v_entry, v_entry.target_agent) is not null then
        v_counts.refused := v_counts.refused + 1;
      else
        insert into public.conflicts select v_entry.*;
        perform core.import_conflict_events(v_entry, v_events);
        v_counts.imported := v_counts.imported + 1;
      end if;
      update core.conflict_counters as n set last_conflict_id = v_entry.conflict_id
      where n.workspace = p_workspace and n.last_conflict_id < v_entry.conflict_id;
    elsif core.same_conflict(v_known, v_entry)
      and coalesce(v_events, '[]') in ('[]', core.events_of(p_workspace, v_entry.conflict_id)) then
      v_counts.unchanged := v_counts.unchanged + 1;
    else
      v_counts.refused := v_counts.refused + 1;
    end if;
  end loop;
  return v_counts;
end;
$$;
