-- A status: how it is checked, and written into its subsystem's row
--
-- update_subsystem_status and checkin_subsystem write statuses, both in these steps: core.require_status checks the
-- argument, core.lock_shared_budget locks what is shared, core.guard_write checks the lease, core.write_status writes.
--
-- Invariants:
-- - A status is merged: an absent key keeps its value, an unknown key goes to metadata. Keys that the database sets
--   itself are ignored, so a row that was read may be sent back as it is.
-- - The version grows by one with each write.
-- - The database decides within_budget (50_budgets/verdicts.sql), whatever was sent.
--
-- Lock order: the subsystem's row; then what core.judge_status takes.

-- Checks the keys that are columns, and the object as a whole. Other keys are metadata.
create or replace function core.require_status(p_subsystem text, p_status jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_key text;
begin
  perform core.require_patch('status', p_status);
  if p_status ? 'name' and p_status ->> 'name' is distinct from p_subsystem then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'status.name', 'reason', 'names another subsystem', 'value', p_status -> 'name'),
      'Leave name out, or write to the subsystem that it names.'
    );
  end if;
  foreach v_key in array array['current_mass_kg', 'current_cost_usd', 'current_power_w'] loop
    if p_status ? v_key then
      perform core.require_amount('status.' || v_key, p_status -> v_key);
    end if;
  end loop;
  if p_status ? 'state' then
    perform core.require_label('status.state', case
      when jsonb_typeof(p_status -> 'state') = 'string' then p_status ->> 'state'
    end);
  end if;
  if p_status ? 'iteration' then
    perform core.require_whole_number('status.iteration', p_status -> 'iteration', 0, 2147483647);
  end if;
  if jsonb_typeof(p_status -> 'version') <> 'null' then
    perform core.require_whole_number('status.version', p_status -> 'version', 0, 9007199254740991);
  end if;
  if p_status ? 'within_budget' and jsonb_typeof(p_status -> 'within_budget') not in ('boolean', 'null') then
    perform core.fail(
      'invalid_argument',
      jsonb_build_object('argument', 'status.within_budget', 'reason', 'is neither true, false nor null'),
      'Send true or false.'
    );
  end if;
  return true;
end;
$$;

-- Merges a checked status into the row, which it returns. A status over its budget opens a conflict; with p_strict it
-- is refused.
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
  v_new public.subsystems := v_old;
  v_patch constant jsonb := coalesce(p_status -> 'metadata', '{}') || (p_status - v_columns - v_owned);
  v_is_as_before boolean;
begin
  if jsonb_typeof(p_status -> 'version') <> 'null' and p_status -> 'version' <> to_jsonb(v_old.version) then
    perform core.fail(
      'stale_version',
      jsonb_build_object('subsystem', p_subsystem, 'expected', p_status -> 'version', 'actual', v_old.version),
      'Read the status again, redo the change on it and write that.'
    );
  end if;
  v_new.state := coalesce(p_status ->> 'state', v_old.state);
  -- Through numeric, because JSON may write 2 as 2.0, which integer does not read.
  v_new.iteration := coalesce((p_status ->> 'iteration')::numeric::integer, v_old.iteration);
  -- An amount that is sent back unchanged is not rounded: an import may have brought more than six decimals.
  v_new.current_mass_kg := coalesce(core.round_amount(
    nullif((p_status ->> 'current_mass_kg')::numeric, v_old.current_mass_kg)
  ), v_old.current_mass_kg);
  v_new.current_cost_usd := coalesce(core.round_amount(
    nullif((p_status ->> 'current_cost_usd')::numeric, v_old.current_cost_usd)
  ), v_old.current_cost_usd);
  v_new.current_power_w := coalesce(core.round_amount(
    nullif((p_status ->> 'current_power_w')::numeric, v_old.current_power_w)
  ), v_old.current_power_w);
  if v_patch <> '{}' then
    v_new.metadata := core.merge_patch(v_old.metadata, v_patch);
  end if;
  -- Within its budget before and the amounts unchanged: still within it. A change of budgets judges anew by itself.
  v_is_as_before := not p_strict and coalesce(v_old.within_budget, false) and (
    v_new.current_mass_kg, v_new.current_cost_usd, v_new.current_power_w
  ) = (v_old.current_mass_kg, v_old.current_cost_usd, v_old.current_power_w);
  update public.subsystems as s
  set
    state = v_new.state,
    current_mass_kg = v_new.current_mass_kg,
    current_cost_usd = v_new.current_cost_usd,
    current_power_w = v_new.current_power_w,
    iteration = v_new.iteration,
    metadata = v_new.metadata,
    version = s.version + 1,
    last_execution_id = p_execution_id,
    updated_at = clock_timestamp()
  where s.workspace = p_workspace and s.name = p_subsystem
  returning s.* into v_new;
  if v_is_as_before then
    return v_new;
  end if;
  return core.judge_status(v_old, v_new, p_status, p_execution_id, p_strict);
end;
$$;

-- What the log says of a write. The amounts only if they were sent: so the log has what a design used over time.
create or replace function core.status_details(p_status jsonb, p_row public.subsystems)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return jsonb_build_object('subsystem', p_row.name, 'state', p_row.state, 'version', p_row.version) || case
    when p_status ?| array['current_mass_kg', 'current_cost_usd', 'current_power_w'] then jsonb_build_object(
      'current_mass_kg', p_row.current_mass_kg, 'current_cost_usd', p_row.current_cost_usd,
      'current_power_w', p_row.current_power_w
    )
    else '{}'
  end;
end;
$$;
