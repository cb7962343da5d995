-- Constraints: the limits and budgets of a workspace, in versions
--
-- The version with the highest number is in force. core.write_constraints publishes the next one, for
-- update_global_constraints, transfer_budget, and the defaults of a new workspace. An import brings its own versions.
--
-- Invariants:
-- - Versions are 1, 2, 3, ... without gaps, except after a restore. 0 stands for the time before the first: no limit
--   and no budget.
-- - What agents allocate does not exceed the totals. No allocation is lowered below what is used and reserved of it.
-- - A change updates within_budget and the conflicts of all subsystems that it concerns, in its transaction.
--
-- Lock order: the workspace's row (core.lock_constraints), under which versions are given; then the rows of all
-- subsystems whose budget changes. A status holds its subsystem's row, and reads the constraints after that. So the
-- later of the two sees what the earlier one did: under READ COMMITTED each statement has a new snapshot.

-- The version in force, or version 0.
create or replace function core.latest_constraints(p_workspace text)
returns public.global_constraints
language plpgsql
stable
set search_path = ''
as $$
declare
  v_row public.global_constraints;
begin
  select * into v_row from public.global_constraints as g
  where g.workspace = p_workspace
  order by g.version desc
  limit 1;
  if not found then
    v_row.workspace := p_workspace;
    v_row.version := 0;
    v_row.budget_allocations := '{}';
    v_row.metadata := '{}';
  end if;
  return v_row;
end;
$$;

-- The part of a version that its writer decides, as one document.
create or replace function core.constraints_content(p_row public.global_constraints)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return to_jsonb(p_row)
    - array['workspace', 'version', 'base_version', 'merged', 'created_by', 'created_at'];
end;
$$;

-- The content of one version; null if there is no such version.
create or replace function core.constraints_of_version(p_workspace text, p_version integer)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  if p_version = 0 then
    return core.constraints_content(jsonb_populate_record(
      null::public.global_constraints, '{"budget_allocations": {}, "metadata": {}}'
    ));
  end if;
  return (
    select core.constraints_content(g) from public.global_constraints as g
    where g.workspace = p_workspace and g.version = p_version
  );
end;
$$;

-- Checks constraints as they were sent: amounts are numbers, allocations are objects of amounts.
create or replace function core.require_constraints(p_argument text, p_constraints jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_key text;
  v_allocation record;
begin
  perform core.require_patch(p_argument, p_constraints);
  foreach v_key in array array['total_mass_kg_max', 'total_cost_usd_max', 'height_m', 'voltage_v'] loop
    if jsonb_typeof(p_constraints -> v_key) <> 'null' then
      perform core.require_amount(p_argument || '.' || v_key, p_constraints -> v_key);
    end if;
  end loop;
  if not p_constraints ? 'budget_allocations' then
    return true;
  end if;
  perform core.require_object(p_argument || '.budget_allocations', p_constraints -> 'budget_allocations');
  for v_allocation in select * from jsonb_each(p_constraints -> 'budget_allocations') loop
    perform core.require_name(p_argument || '.budget_allocations', v_allocation.key);
    perform core.require_object(p_argument || '.budget_allocations.' || v_allocation.key, v_allocation.value);
    foreach v_key in array array['mass_kg', 'cost_usd', 'power_w'] loop
      if v_allocation.value ? v_key then
        perform core.require_amount(
          format('%s.budget_allocations.%s.%s', p_argument, v_allocation.key, v_key), v_allocation.value -> v_key
        );
      end if;
    end loop;
  end loop;
  return true;
end;
$$;

-- Publishes p_next as the version after p_latest. The caller holds the workspace's row, and has set the content of
-- p_next.
--
-- It first locks the rows of all subsystems whose budget changes. So a status that is written at the same time is
-- either seen here, or sees the new budgets.
create or replace function core.write_constraints(
  p_latest public.global_constraints,
  p_next public.global_constraints,
  p_created_by text,
  p_base_version integer,
  p_execution_id text
)
returns public.global_constraints
language plpgsql
set search_path = ''
as $$
declare
  v_is_budget_changed constant boolean := (
    p_next.budget_allocations, p_next.total_mass_kg_max, p_next.total_cost_usd_max
  ) is distinct from (p_latest.budget_allocations, p_latest.total_mass_kg_max, p_latest.total_cost_usd_max);
  v_reallocated text[];
  v_concerned text[];
begin
  -- An imported design may exceed its totals. It may still change something else, such as its height.
  if v_is_budget_changed then
    perform core.require_fitting_allocations(p_next);
    v_reallocated := array(
      select coalesce(o.key, n.key)
      from jsonb_each(p_latest.budget_allocations) as o
      full join jsonb_each(p_next.budget_allocations) as n on o.key = n.key
      where o.value is distinct from n.value
    );
    -- Further all who use the shared budget; and if a total was set or taken away, all subsystems.
    v_concerned := v_reallocated || array(
      select u.subsystem from core.shared_use(p_latest) as u
      union
      select u.subsystem from core.shared_use(p_next) as u
      union
      select s.name from public.subsystems as s
      where s.workspace = p_latest.workspace
        and (p_latest.total_mass_kg_max is null, p_latest.total_cost_usd_max is null)
          <> (p_next.total_mass_kg_max is null, p_next.total_cost_usd_max is null)
    );
    perform core.lock_subsystems(p_latest.workspace, v_concerned);
    perform core.require_reserved(p_latest, p_next, v_reallocated);
  end if;
  p_next.version := p_latest.version + 1;
  if p_latest.version = 0 then  -- the first is 1, or after a restore one that was never given
    select w.last_lost_version + 1 into p_next.version from core.workspaces as w where w.name = p_latest.workspace;
  end if;
  p_next.base_version := p_base_version;
  p_next.merged := coalesce(p_base_version <> p_latest.version, false);
  p_next.created_by := p_created_by;
  p_next.created_at := clock_timestamp();
  insert into public.global_constraints select p_next.*;
  if v_is_budget_changed then
    perform core.judge_budgets(p_next, v_concerned, core.shared_overruns(p_next), true, p_execution_id);
  end if;
  return p_next;
end;
$$;

-- The allocations of all subsystems and of the reserve together must not exceed the totals.
create or replace function core.require_fitting_allocations(p_constraints public.global_constraints)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_allocated core.amounts;
  v_overruns jsonb;
begin
  select coalesce(sum((a.value ->> 'mass_kg')::numeric), 0), coalesce(sum((a.value ->> 'cost_usd')::numeric), 0)
  into v_allocated.mass_kg, v_allocated.cost_usd
  from jsonb_each(p_constraints.budget_allocations) as a;
  v_overruns := core.overruns(
    jsonb_build_object(
      'mass_kg', p_constraints.total_mass_kg_max, 'cost_usd', p_constraints.total_cost_usd_max
    ),
    v_allocated
  );
  if v_overruns <> '{}' then
    perform core.fail_over_budget('{"scope": "robot"}', v_overruns);
  end if;
  return true;
end;
$$;

-- No allocation is lowered below what is used and reserved of it. All reservations count: what a transfer moves out of
-- reservations of its own execution was taken from them before. The caller holds the rows of the workspace and of these
-- subsystems.
create or replace function core.require_reserved(
  p_latest public.global_constraints,
  p_next public.global_constraints,
  p_names text[]
)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_name text;
  v_used core.amounts;
  v_old jsonb;
  v_overruns jsonb;
begin
  foreach v_name in array p_names loop
    select s.current_mass_kg, s.current_cost_usd, s.current_power_w into v_used
    from public.subsystems as s
    where s.workspace = p_latest.workspace and s.name = v_name;
    v_old := p_latest.budget_allocations -> v_name;
    -- An allocation that is taken away counts as lowered to 0; a quantity that never had one has no limit here.
    select jsonb_object_agg(o.key, o.value) into v_overruns
    from jsonb_each(core.overruns(
      (select jsonb_object_agg(a.key, 0) from jsonb_each(v_old) as a)
      || coalesce(p_next.budget_allocations -> v_name, '{}'),
      row(coalesce(v_used.mass_kg, 0), coalesce(v_used.cost_usd, 0), coalesce(v_used.power_w, 0))::core.amounts,
      core.reserved_amounts(p_latest.workspace, v_name, null)
    )) as o
    where o.value ? 'held' and (o.value ->> 'allocated')::numeric < (v_old ->> o.key)::numeric;
    if v_overruns is not null then
      perform core.fail_over_budget(jsonb_build_object('subsystem', v_name), v_overruns);
    end if;
  end loop;
  return true;
end;
$$;
