-- The default design: the limits, budgets and subsystems of the humanoid. Only adds what is absent. It is marked
-- `init`: an import replaces it as long as nobody has touched it. Statuses that exist already are judged by these
-- limits; the subsystems that are made here are not, so they are made last. That is within the lock order, because all
-- who make a subsystem lock the workspace's row: none is waited for.
create or replace function core.write_defaults(p_workspace text)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_latest constant public.global_constraints := core.lock_constraints(p_workspace, true);
  v_count integer;
begin
  if v_latest.version = 0 then
    perform core.write_constraints(v_latest, jsonb_populate_record(v_latest, '{
      "total_mass_kg_max": 45, "total_cost_usd_max": 15000, "height_m": 1.75, "voltage_v": 48,
      "budget_allocations": {
        "skeleton": {"mass_kg": 15, "cost_usd": 3000},
        "actuation": {"mass_kg": 12, "cost_usd": 6000, "power_w": 800},
        "power": {"mass_kg": 8, "cost_usd": 2000, "power_w": 50},
        "sensing": {"mass_kg": 3, "cost_usd": 2500, "power_w": 50},
        "shell": {"mass_kg": 5, "cost_usd": 1000},
        "reserve": {"mass_kg": 2, "cost_usd": 500}
      }
    }'), 'init', null, null);
  end if;
  insert into public.subsystems (workspace, name, last_execution_id)
  select p_workspace, n.name, 'init'
  from unnest(array[
    'actuation', 'integration', 'power', 'sensing', 'shell', 'skeleton', 'system_architect'
  ]) as n (name)
  on conflict do nothing;
  get diagnostics v_count = row_count;
  return v_count + (v_latest.version = 0)::integer;
end;
$$;

create or replace function core.init_workspace(p_workspace_name text, p_with_defaults boolean, p_request_id uuid)
returns public.workspace
language plpgsql
security definer
set search_path = ''
as $$
declare
  v_request core.request;
  v_row public.workspace;
begin
  perform core.require_name('workspace_name', p_workspace_name);
  perform core.require_present('with_defaults', to_jsonb(p_with_defaults));
  if not core.is_open_workspace(p_workspace_name) then
    perform core.fail(
      'unknown_workspace',
      jsonb_build_object('workspace', p_workspace_name),
      'This token names another workspace. Use one that names none.'
    );
  end if;
  v_request := core.recall_request(
    p_workspace_name, p_request_id, 'init_workspace', jsonb_build_array(p_workspace_name, p_with_defaults)
  );
  if v_request.is_replay then
    return jsonb_populate_record(null::public.workspace, v_request.answer);
  end if;
  insert into core.workspaces (name) values (p_workspace_name) on conflict do nothing;
  insert into core.conflict_counters (workspace) values (p_workspace_name) on conflict do nothing;
  if p_with_defaults and core.write_defaults(p_workspace_name) > 0 then
    perform core.write_activity(p_workspace_name, 'init', 'workspace_initialized', '{}', null);
  end if;
  select w.name, w.created_at, n.last_conflict_id into v_row
  from core.workspaces as w
  inner join core.conflict_counters as n on w.name = n.workspace
  where w.name = p_workspace_name;
  perform core.remember_request(v_request, to_jsonb(v_row));
  return v_row;
end;
$$;

create or replace function public.init_workspace(
  workspace_name text,
  with_defaults boolean default true,
  request_id uuid default null
)
returns public.workspace
language sql
set search_path = ''
as $$
  select core.init_workspace(workspace_name, with_defaults, request_id);
$$;

comment on function public.init_workspace(text, boolean, uuid) is
'For operators: makes a workspace if there is none of that name, fills in the default budgets and subsystems where
there are none, and returns it.';
