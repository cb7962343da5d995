create or replace function core.import_subsystems(p_workspace text, p_entries jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_counts public.import_counts := row('subsystems', 0, 0, 0);
  v_entry public.subsystems;
  v_known public.subsystems;
begin
  -- Far below what the column holds, or the next write could not count on.
  perform core.require_whole_number('document.subsystems.version', e.value -> 'version', 1, 1::bigint << 53)
  from jsonb_array_elements(p_entries) as e
  where jsonb_typeof(e.value -> 'version') <> 'null';
  for v_entry in
    select * from jsonb_populate_recordset(null::public.subsystems, p_entries) as e
    order by e.name
  loop
    v_entry.workspace := p_workspace;
    v_entry.state := coalesce(v_entry.state, 'not_started');
    v_entry.current_mass_kg := coalesce(v_entry.current_mass_kg, 0);
    v_entry.current_cost_usd := coalesce(v_entry.current_cost_usd, 0);
    v_entry.current_power_w := coalesce(v_entry.current_power_w, 0);
    v_entry.iteration := coalesce(v_entry.iteration, 0);
    v_entry.metadata := coalesce(v_entry.metadata, '{}');
    v_entry.version := coalesce(v_entry.version, 1);
    v_entry.created_at := coalesce(v_entry.created_at, clock_timestamp());
    v_entry.updated_at := coalesce(v_entry.updated_at, v_entry.created_at);
    insert into public.subsystems select v_entry.* on conflict do nothing;
    if found then
      v_counts.imported := v_counts.imported + 1;
      continue;
    end if;
    select * into v_known from public.subsystems as s
    where s.workspace = p_workspace and s.name = v_entry.name
    for no key update;
    if core.same_status(v_known, v_entry) then
      v_counts.unchanged := v_counts.unchanged + 1;
    -- Made by init, by an import or for a document, and written by no execution since: whoever
    -- repairs a file and imports again gets the repaired status.
    elsif coalesce(v_known.last_execution_id, 'init') = 'init' then
      perform core.replace_subsystem(v_entry);
      v_counts.imported := v_counts.imported + 1;
    else
      v_counts.refused := v_counts.refused + 1;
    end if;
  end loop;
  return v_counts;
end;
$$;
