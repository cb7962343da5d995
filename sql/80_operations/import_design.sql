-- The import of the design itself: constraints, subsystems, versions of documents, and dependencies.
--
-- - An entry is identified by its name, its version, or the three names of a dependency. If the database has the same,
--   it is counted as unchanged. If the database has something else, the entry is refused.
-- - Defaults that nobody has touched are replaced: constraints made by init, subsystems that no execution has written.
--
-- Lock order: allocations, the workspace's row, subsystem rows by name, dependencies in their order.

-- Whether an imported version may come after p_latest (0: none yet): the next number, or any number as the first one.
-- A restore jumps over numbers: the first version after it has the one before it as its base, and is not merged.
create or replace function core.may_follow(
  p_version integer,
  p_latest integer,
  p_base_version integer,
  p_merged boolean
)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return p_version is null
    or p_version = p_latest + 1
    or (p_version > p_latest and (p_latest = 0 or (p_base_version is not distinct from p_latest and p_merged is not true)));
end;
$$;

create or replace function core.import_constraints(p_workspace text, p_entries jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_counts public.import_counts := row('global_constraints', 0, 0, 0);
  v_entry public.global_constraints;
  v_latest public.global_constraints := core.lock_constraints(p_workspace, true);
  v_is_same boolean;
begin
  perform core.require_constraints('document.global_constraints', e.value) from jsonb_array_elements(p_entries) as e;
  for v_entry in
    select * from jsonb_populate_recordset(null::public.global_constraints, p_entries) as e
    order by e.version
  loop
    v_entry.budget_allocations := coalesce(v_entry.budget_allocations, '{}');
    v_entry.metadata := coalesce(v_entry.metadata, '{}');
    select known.is_same into v_is_same
    from public.global_constraints as g
    cross join lateral (
      select (
        g.total_mass_kg_max, g.total_cost_usd_max, g.height_m, g.voltage_v, g.budget_allocations, g.metadata
      ) is not distinct from (
        v_entry.total_mass_kg_max, v_entry.total_cost_usd_max, v_entry.height_m, v_entry.voltage_v,
        v_entry.budget_allocations, v_entry.metadata
      ) as is_same
    ) as known
    where g.workspace = p_workspace and g.version = coalesce(v_entry.version, g.version)
      and (v_entry.version is not null or known.is_same)
    limit 1;
    if v_is_same then
      v_counts.unchanged := v_counts.unchanged + 1;
      continue;
    end if;
    -- Defaults that nobody has touched are replaced by a first version. After a restore either may not be 1.
    if v_latest.created_by = 'init'
      and (coalesce(v_entry.version, 1) = 1 or (
        v_counts.imported + v_counts.unchanged = 0
        and not core.may_follow(v_entry.version, v_latest.version, v_entry.base_version, v_entry.merged)
      ))
      and not exists (
        select from public.global_constraints as g where g.workspace = p_workspace and g.version < v_latest.version
      )
    then
      delete from public.global_constraints as g where g.workspace = p_workspace and g.version = v_latest.version;
      v_latest.version := 0;
    end if;
    if not core.may_follow(v_entry.version, v_latest.version, v_entry.base_version, v_entry.merged) then
      v_counts.refused := v_counts.refused + 1;
      continue;
    end if;
    v_entry.workspace := p_workspace;
    v_entry.version := coalesce(v_entry.version, v_latest.version + 1);
    v_entry.created_by := coalesce(v_entry.created_by, 'import');
    v_entry.created_at := coalesce(v_entry.created_at, clock_timestamp());
    v_entry.merged := coalesce(v_entry.merged, false);
    perform core.require_name('document.global_constraints.created_by', v_entry.created_by);
    insert into public.global_constraints as g select v_entry.* returning g.* into v_latest;
    v_counts.imported := v_counts.imported + 1;
  end loop;
  return v_counts;
end;
$$;

create or replace function core.import_subsystems(p_workspace text, p_entries jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_counts public.import_counts := row('subsystems', 0, 0, 0);
  v_entry public.subsystems;
begin
  -- Far below the most that the column can hold, because each write adds 1.
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
    perform core.require_name('document.subsystems.name', v_entry.name);
    perform core.require_label('document.subsystems.state', v_entry.state);
    -- A row that no execution has written is replaced: so a status that was repaired in its file can be imported again.
    -- If it is the same, nothing is written.
    insert into public.subsystems as s select v_entry.*
    on conflict (workspace, name) do update set
      state = excluded.state,
      current_mass_kg = excluded.current_mass_kg,
      current_cost_usd = excluded.current_cost_usd,
      current_power_w = excluded.current_power_w,
      within_budget = excluded.within_budget,
      iteration = excluded.iteration,
      metadata = excluded.metadata,
      version = excluded.version,
      last_execution_id = excluded.last_execution_id,
      created_at = excluded.created_at,
      updated_at = excluded.updated_at
    where coalesce(s.last_execution_id, 'init') = 'init' and (
      s.state, s.current_mass_kg, s.current_cost_usd, s.current_power_w, s.iteration, s.metadata
    ) is distinct from (
      excluded.state, excluded.current_mass_kg, excluded.current_cost_usd, excluded.current_power_w,
      excluded.iteration, excluded.metadata
    );
    if found then
      v_counts.imported := v_counts.imported + 1;
      continue;
    end if;
    -- within_budget is not compared: the database decides it.
    perform from public.subsystems as s
    where s.workspace = p_workspace and s.name = v_entry.name and (
      s.state, s.current_mass_kg, s.current_cost_usd, s.current_power_w, s.iteration, s.metadata
    ) is not distinct from (
      v_entry.state, v_entry.current_mass_kg, v_entry.current_cost_usd, v_entry.current_power_w,
      v_entry.iteration, v_entry.metadata
    );
    v_counts.unchanged := v_counts.unchanged + found::integer;
    v_counts.refused := v_counts.refused + (not found)::integer;
  end loop;
  return v_counts;
end;
$$;

-- Imports the versions of one kind of document, given by its table and the column with the content.
create or replace function core.import_documents(p_workspace text, p_table text, p_column text, p_entries jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_counts public.import_counts := row(p_table, 0, 0, 0);
  v_entry record;
  v_latest integer;
  v_known integer;
begin
  for v_entry in
    select r.*, e.value -> p_column as content
    from jsonb_array_elements(p_entries) with ordinality as e (value, place)
    -- The columns that the three tables have in common.
    cross join lateral jsonb_to_record(e.value) as r (
      subsystem_name text, version integer, created_by text, created_at timestamptz, base_version integer, merged boolean
    )
    order by r.subsystem_name, r.version, e.place
  loop
    perform core.require_name('document.' || p_table || '.subsystem_name', v_entry.subsystem_name);
    perform core.require_name('document.' || p_table || '.created_by', coalesce(v_entry.created_by, 'import'));
    perform core.lock_subsystem(p_workspace, v_entry.subsystem_name);
    -- An entry is compared with the version that it names, or if it names none with all of them.
    execute format(
      'select
         (select coalesce(max(version), 0) from public.%2$I where workspace = $1 and subsystem_name = $2),
         (select min(version) from public.%2$I
          where workspace = $1 and subsystem_name = $2 and version = coalesce($4, version) and %1$I = $3)',
      p_column, p_table
    ) into v_latest, v_known using p_workspace, v_entry.subsystem_name, v_entry.content, v_entry.version;
    if v_known is not null then
      v_counts.unchanged := v_counts.unchanged + 1;
    elsif not core.may_follow(v_entry.version, v_latest, v_entry.base_version, v_entry.merged) then
      v_counts.refused := v_counts.refused + 1;
    else
      execute format(
        'insert into public.%I (
           workspace, subsystem_name, version, %I, created_by, created_at, base_version, merged
         ) values ($1, $2, $3, $4, $5, $6, $7, $8)', p_table, p_column
      ) using p_workspace, v_entry.subsystem_name, coalesce(v_entry.version, v_latest + 1), v_entry.content,
        coalesce(v_entry.created_by, 'import'), coalesce(v_entry.created_at, clock_timestamp()),
        v_entry.base_version, coalesce(v_entry.merged, false);
      v_counts.imported := v_counts.imported + 1;
    end if;
  end loop;
  return v_counts;
end;
$$;

create or replace function core.import_dependencies(p_workspace text, p_entries jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_counts public.import_counts := row('document_dependencies', 0, 0, 0);
  v_entry public.document_dependencies;
begin
  for v_entry in
    select * from jsonb_populate_recordset(null::public.document_dependencies, p_entries) as e
    order by e.subsystem, e.document, e.on_subsystem  -- the lock order
  loop
    v_entry.workspace := p_workspace;
    v_entry.read_version := null;  -- belongs to a lease, and leases are not imported
    v_entry.read_token := null;
    v_entry.recorded_by := coalesce(v_entry.recorded_by, 'import');
    v_entry.recorded_at := coalesce(v_entry.recorded_at, clock_timestamp());
    perform core.require_name('document.document_dependencies.subsystem', v_entry.subsystem);
    perform core.require_name('document.document_dependencies.on_subsystem', v_entry.on_subsystem);
    perform core.require_name('document.document_dependencies.recorded_by', v_entry.recorded_by);
    insert into public.document_dependencies as d select v_entry.* on conflict do nothing;
    if found then
      v_counts.imported := v_counts.imported + 1;
      continue;
    end if;
    perform from public.document_dependencies as d
    where d.workspace = p_workspace and d.subsystem = v_entry.subsystem
      and d.on_subsystem = v_entry.on_subsystem and d.document = v_entry.document
      and (d.seen_version, d.accepted_version) is not distinct from (v_entry.seen_version, v_entry.accepted_version);
    v_counts.unchanged := v_counts.unchanged + found::integer;
    v_counts.refused := v_counts.refused + (not found)::integer;
  end loop;
  return v_counts;
end;
$$;
