-- The versions of one kind of document: requirements, interfaces or design.
create or replace function core.import_documents(p_workspace text, p_document text, p_entries jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_store constant core.document_store := core.document_store(p_document);
  v_counts public.import_counts := row(v_store.table_name, 0, 0, 0);
  v_entry jsonb;
  v_latest integer;
  v_known integer;
begin
  for v_entry in
    select e.value from jsonb_array_elements(p_entries) with ordinality as e (value, place)
    order by e.value ->> 'subsystem_name', (e.value ->> 'version')::integer, e.place
  loop
    perform core.require_name('document.' || v_store.table_name || '.subsystem_name', v_entry ->> 'subsystem_name');
    perform core.lock_subsystem(p_workspace, v_entry ->> 'subsystem_name');
    -- An entry is compared with the version that it names, and with all of them only if it names none.
    execute format(
      'select
         (select coalesce(max(version), 0) from public.%2$I where workspace = $1 and subsystem_name = $2),
         (select min(version) from public.%2$I
          where workspace = $1 and subsystem_name = $2 and version = coalesce($4, version) and %1$I = $3)',
      v_store.column_name, v_store.table_name
    ) into v_latest, v_known using
      p_workspace, v_entry ->> 'subsystem_name', v_entry -> v_store.column_name, (v_entry ->> 'version')::integer;
    if v_known is not null then
      v_counts.unchanged := v_counts.unchanged + 1;
    elsif not core.may_follow(
      (v_entry ->> 'version')::integer, v_latest, (v_entry ->> 'base_version')::integer, (v_entry ->> 'merged')::boolean
    ) then
      v_counts.refused := v_counts.refused + 1;
    else
      execute format(
        'insert into public.%I (
           workspace, subsystem_name, version, %I, created_by, created_at, base_version, merged
         ) values ($1, $2, $3, $4, $5, $6, $7, $8)', v_store.table_name, v_store.column_name
      ) using p_workspace, v_entry ->> 'subsystem_name', coalesce((v_entry ->> 'version')::integer, v_latest + 1), v_entry -> v_store.column_name,
        coalesce(v_entry ->> 'created_by', 'import'),
        coalesce((v_entry ->> 'created_at')::timestamptz, clock_timestamp()),
        (v_entry ->> 'base_version')::integer, coalesce((v_entry ->> 'merged')::boolean, false);
      v_counts.imported := v_counts.imported + 1;
    end if;
  end loop;
  return v_counts;
end;
$$;
