-- Under the lock on the workspace's row, so that no conflict is numbered meanwhile.
create or replace function core.import_conflicts(p_workspace text, p_entries jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_counts public.import_counts := row('conflicts', 0, 0, 0);
  v_entry public.conflicts;
  v_known public.conflicts;
begin
  perform from core.workspaces as w where w.name = p_workspace for no key update;
  perform core.require_whole_number('document.conflicts.conflict_id', e.value -> 'conflict_id', 1, 1::bigint << 53)
  from jsonb_array_elements(p_entries) as e;
  for v_entry in
    select * from jsonb_populate_recordset(null::public.conflicts, p_entries) as e
    order by e.conflict_id
  loop
    v_entry.workspace := p_workspace;
    v_entry.priority := coalesce(v_entry.priority, 3);
    v_entry.details := coalesce(v_entry.details, '{}');
    v_entry.blocks_agents := coalesce(v_entry.blocks_agents, '{}');
    v_entry.status := coalesce(v_entry.status, 'open');
    v_entry.created_at := coalesce(v_entry.created_at, clock_timestamp());
    select * into v_known from public.conflicts as c
    where c.workspace = p_workspace and c.conflict_id = v_entry.conflict_id;
    if not found then
      insert into public.conflicts select v_entry.*;
      update core.workspaces as w set last_conflict_id = greatest(w.last_conflict_id, v_entry.conflict_id)
      where w.name = p_workspace;
      v_counts.imported := v_counts.imported + 1;
    elsif core.same_conflict(v_known, v_entry) then
      v_counts.unchanged := v_counts.unchanged + 1;
    else
      v_counts.refused := v_counts.refused + 1;
    end if;
  end loop;
  return v_counts;
end;
$$;
