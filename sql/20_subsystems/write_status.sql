-- Merges a checked status into the row: absent keys keep their value, unknown keys go to metadata,
-- keys that the database owns are ignored, so that a row that was read may be sent back as it is.
-- Whether it keeps to its budget is found out here, and told by a conflict, or by p_strict refused.
create or replace function core.write_status(
  p_workspace text,
  p_subsystem text,
  p_status jsonb,
  p_execution_id text,
  p_strict boolean
)
returns public.subsystems
language plpgsql
set search_path = ''
as $$
declare
  v_columns constant text[] := array[
    'state', 'current_mass_kg', 'current_cost_usd', 'current_power_w', 'iteration'
  ];
  v_owned constant text[] := array[
    'workspace', 'name', 'metadata', 'within_budget', 'version', 'last_execution_id', 'created_at', 'updated_at'
  ];
  v_old constant public.subsystems := core.lock_subsystem(p_workspace, p_subsystem);
  v_new public.subsystems;
begin
  if jsonb_typeof(p_status -> 'version') <> 'null' and p_status -> 'version' <> to_jsonb(v_old.version) then
    perform core.fail(
      'stale_version',
      jsonb_build_object('subsystem', p_subsystem, 'expected', p_status -> 'version', 'actual', v_old.version),
      'Read the status again, redo the change on it and write that.'
    );
  end if;
  v_new := jsonb_populate_record(v_old, (
    -- 2.0 is a whole number to JSON, but no text of an integer.
    select coalesce(jsonb_object_agg(e.key, case
      when e.key = 'iteration' then to_jsonb(e.value::integer)
      when e.key = 'state' then e.value
      else to_jsonb(core.keep_amount((to_jsonb(v_old) ->> e.key)::numeric, e.value::numeric))
    end), '{}')
    from jsonb_each(p_status) as e
    where e.key = any(v_columns)
  ));
  v_new.metadata := core.merge_patch(
    core.merge_patch(v_old.metadata, coalesce(p_status -> 'metadata', '{}')),
    p_status - v_columns - v_owned
  );
  return core.store_status(v_old, v_new, p_status, p_execution_id, p_strict);
end;
$$;
