create or replace function core.import_constraints(p_workspace text, p_entries jsonb)
returns public.import_counts
language plpgsql
set search_path = ''
as $$
declare
  v_counts public.import_counts := row('global_constraints', 0, 0, 0);
  v_entry public.global_constraints;
  v_latest public.global_constraints := core.lock_constraints(p_workspace, true);
  v_known public.global_constraints;
begin
  perform core.require_constraints('document.global_constraints', e.value) from jsonb_array_elements(p_entries) as e;
  for v_entry in
    select * from jsonb_populate_recordset(null::public.global_constraints, p_entries) as e
    order by e.version
  loop
    select * into v_known from public.global_constraints as g
    where g.workspace = p_workspace and g.version = coalesce(v_entry.version, g.version)
      and (v_entry.version is not null or core.same_constraints(g, v_entry))
    limit 1;
    if core.same_constraints(v_known, v_entry) then
      v_counts.unchanged := v_counts.unchanged + 1;
      continue;
    end if;
    -- Defaults that nobody has touched give way to a first version. After a restore either may be another than 1.
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
    insert into public.global_constraints as g (
      workspace, version, total_mass_kg_max, total_cost_usd_max, height_m, voltage_v, budget_allocations,
      metadata, created_by, created_at, base_version, merged
    ) values (
      p_workspace, coalesce(v_entry.version, v_latest.version + 1), v_entry.total_mass_kg_max, v_entry.total_cost_usd_max,
      v_entry.height_m, v_entry.voltage_v, coalesce(v_entry.budget_allocations, '{}'),
      coalesce(v_entry.metadata, '{}'), coalesce(v_entry.created_by, 'import'),
      coalesce(v_entry.created_at, clock_timestamp()), v_entry.base_version, coalesce(v_entry.merged, false)
    )
    returning g.* into v_latest;
    v_counts.imported := v_counts.imported + 1;
  end loop;
  return v_counts;
end;
$$;
