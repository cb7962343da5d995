-- A checked patch on constraints: columns are replaced, unknown keys go to metadata (null removes them),
-- keys that the database owns are ignored, so that a row that was read may be sent back as it is.
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
  v_rounded constant jsonb := core.round_constraints(p_patch, p_content);
  v_owned constant text[] := array[
    'workspace', 'version', 'metadata', 'base_version', 'merged', 'created_by', 'created_at'
  ];
begin
  return p_content
    || (
      select coalesce(jsonb_object_agg(e.key, e.value), '{}')
      from jsonb_each(v_rounded) as e
      where e.key = any(v_columns)
    )
    || jsonb_build_object('metadata', core.merge_patch(
      core.merge_patch(p_content -> 'metadata', coalesce(p_patch -> 'metadata', '{}')),
      p_patch - v_columns - v_owned
    ));
end;
$$;
