-- Applies a checked patch to constraints. Columns are replaced, unknown keys go to metadata (null removes them). Keys
-- that the database sets itself are ignored, so a row that was read may be sent back as it is. An amount that is sent
-- back unchanged is not rounded, because an import may have brought more than six decimals; others are.
create or replace function core.patch_constraints(p_content jsonb, p_patch jsonb)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_columns constant text[] := array[
    'total_mass_kg_max', 'total_cost_usd_max', 'height_m', 'voltage_v', 'budget_allocations'
  ];
  v_owned constant text[] := array[
    'workspace', 'version', 'metadata', 'base_version', 'merged', 'created_by', 'created_at'
  ];
  v_content jsonb;
begin
  v_content := p_content || (
    select coalesce(jsonb_object_agg(e.key, case
      when e.key like 'total_%' and e.value <> 'null' and e.value is distinct from p_content -> e.key
        then to_jsonb(core.round_amount(e.value::numeric))
      else e.value
    end), '{}')
    from jsonb_each(p_patch) as e
    where e.key = any(v_columns)
  );
  if p_patch ? 'budget_allocations' then
    v_content := v_content || jsonb_build_object('budget_allocations', (
      select coalesce(jsonb_object_agg(a.key, a.value || (
        select coalesce(jsonb_object_agg(q.key, core.round_amount(q.value::numeric)), '{}')
        from jsonb_each(a.value) as q
        where q.key in ('mass_kg', 'cost_usd', 'power_w')
          and q.value is distinct from p_content -> 'budget_allocations' -> a.key -> q.key
      )), '{}')
      from jsonb_each(p_patch -> 'budget_allocations') as a
    ));
  end if;
  return v_content || jsonb_build_object('metadata', core.merge_patch(
    p_content -> 'metadata', coalesce(p_patch -> 'metadata', '{}') || (p_patch - v_columns - v_owned)
  ));
end;
$$;

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
  v_request core.request;
  v_latest public.global_constraints;
  v_theirs jsonb;
  v_base jsonb;
  v_content jsonb;
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
  v_latest := core.lock_constraints(v_workspace, true);
  v_theirs := core.constraints_content(v_latest);
  if p_base_version is null then
    v_content := core.patch_constraints(v_theirs, p_constraints);
  else
    v_base := core.constraints_of_version(v_workspace, p_base_version);
    v_content := core.rebase_document(
      '{"document": "global_constraints"}', p_base_version, v_latest.version, v_base, v_theirs,
      coalesce(core.patch_constraints(v_base, p_constraints), p_constraints)
    );
  end if;
  if p_base_version <> v_latest.version and v_content = v_theirs then
    perform core.remember_request(v_request, to_jsonb(v_latest));
    return v_latest;  -- others did the same already, so there is nothing to publish
  end if;
  v_row := core.write_constraints(
    v_latest, jsonb_populate_record(v_latest, v_content), p_created_by, p_base_version, p_execution_id
  );
  perform core.write_activity(
    v_workspace, p_created_by, 'constraints_updated',
    jsonb_build_object('version', v_row.version, 'merged', v_row.merged), p_execution_id
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
them). Send base_version, the version that the change was made from (0: there was none): what others published since is
merged with it, part by part; stale_version where both changed the same part. over_budget if the allocations together
exceed the totals, or if one is lowered into what reservations hold of it. Each subsystem''s within_budget and its conflict about the budget follow.';
