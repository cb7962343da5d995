create or replace function core.import_dependencies(p_workspace text, p_entries jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_counts public.import_counts := row('document_dependencies', 0, 0, 0);
  v_entry public.document_dependencies;
  v_known public.document_dependencies;
begin
  for v_entry in
    select * from jsonb_populate_recordset(null::public.document_dependencies, p_entries) as e
    order by e.subsystem, e.document, e.on_subsystem  -- as checkout_subsystem writes them
  loop
    v_entry.workspace := p_workspace;
    v_entry.read_version := null;  -- binds a lease, and those are not imported
    v_entry.read_token := null;
    v_entry.recorded_by := coalesce(v_entry.recorded_by, 'import');
    v_entry.recorded_at := coalesce(v_entry.recorded_at, clock_timestamp());
    insert into public.document_dependencies as d select v_entry.* on conflict do nothing;
    if found then
      v_counts.imported := v_counts.imported + 1;
      continue;
    end if;
    select * into v_known from public.document_dependencies as d
    where d.workspace = p_workspace and d.subsystem = v_entry.subsystem
      and d.on_subsystem = v_entry.on_subsystem and d.document = v_entry.document;
    if (v_known.seen_version, v_known.accepted_version) is not distinct from
      (v_entry.seen_version, v_entry.accepted_version)
    then
      v_counts.unchanged := v_counts.unchanged + 1;
    else
      v_counts.refused := v_counts.refused + 1;
    end if;
  end loop;
  return v_counts;
end;
$$;
