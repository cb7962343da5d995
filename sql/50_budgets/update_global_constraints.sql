create or replace function core.update_global_constraints(
  p_constraints jsonb,
  p_created_by text,
  p_base_version integer,
  p_execution_id text,
  p_request_id uuid
)
returns public.global_constraints
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_workspace constant text := core.current_workspace();
  v_columns constant text[] := array[
    'total_mass_kg_max', 'total_cost_usd_max', 'height_m', 'voltage_v', 'budget_allocations'
  ];
  v_owned constant text[] := array['workspace', 'version', 'metadata', 'created_by', 'created_at'];
  v_request core.request;
  v_row public.global_constraints;
begin
  perform core.require_constraints('constraints', p_constraints);
  perform core.require_agent('created_by', p_created_by);
  perform core.require_optional_name('execution_id', p_execution_id);
  v_request := core.recall_request(
    v_workspace, p_request_id, 'update_global_constraints',
    jsonb_build_array(p_constraints, p_created_by, p_base_version, p_execution_id)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.global_constraints, v_request.answer);
  end if;
  v_row := core.lock_constraints(v_workspace);
  perform core.require_base_version('global constraints', p_base_version, v_row.version);
  v_row := jsonb_populate_record(v_row, (
    select coalesce(jsonb_object_agg(e.key, e.value), '{}')
    from jsonb_each(p_constraints) as e
    where e.key = any(v_columns)
  ));
  insert into public.global_constraints as g (
    workspace, version, total_mass_kg_max, total_cost_usd_max, height_m, voltage_v, budget_allocations,
    metadata, created_by
  ) values (
    v_workspace, v_row.version + 1, v_row.total_mass_kg_max, v_row.total_cost_usd_max, v_row.height_m,
    v_row.voltage_v, v_row.budget_allocations,
    core.merge_patch(
      core.merge_patch(v_row.metadata, coalesce(p_constraints -> 'metadata', '{}')),
      p_constraints - v_columns - v_owned
    ),
    p_created_by
  )
  returning g.* into v_row;
  perform core.write_activity(
    v_workspace, p_created_by, 'constraints_updated', jsonb_build_object('version', v_row.version), p_execution_id
  );
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.update_global_constraints(
  constraints jsonb,
  created_by text,
  base_version integer default null,
  execution_id text default null,
  request_id uuid default null
)
returns public.global_constraints
language sql
set search_path = ''
as $$
  select core.update_global_constraints(constraints, created_by, base_version, execution_id, request_id);
$$;

comment on function public.update_global_constraints(jsonb, text, integer, text, uuid) is
'Publishes the next version of limits and budgets and returns the row.

Absent keys keep their value, budget_allocations is replaced as a whole, unknown keys go to metadata (null removes
them). With base_version (0: there is none yet) stale_version if somebody published since.';
