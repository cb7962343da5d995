-- Verdicts: whether each subsystem keeps to its budget
--
-- A subsystem is over its budget if it uses more than its allocation, or if it uses some of the shared budget while
-- that is exceeded (shared_budget.sql). The column within_budget says so. A conflict tells of each overrun
-- (overrun_conflicts.sql).
--
-- Invariants, at each commit, except for what an import brought and no write has judged since:
-- - within_budget is null while nothing limits the subsystem, or nobody has written it; else true or false.
-- - A verdict does not change the subsystem's version, so an agent that is about to write need not read again.
--
-- Lock order: the caller holds the rows of the subsystems that are judged, and to judge the robot the workspace's row.
-- Then reservations, the conflict counter and conflicts are locked.

-- The verdict on one subsystem. p_shared_overruns may be null if it uses no shared budget.
create or replace function core.verdict(
  p_row public.subsystems,
  p_constraints public.global_constraints,
  p_shared_overruns jsonb
)
returns core.verdict
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_allocation constant jsonb := coalesce(p_constraints.budget_allocations -> p_row.name, '{}');
  v_verdict core.verdict;
begin
  v_verdict.overruns := core.overruns(
    v_allocation, row(p_row.current_mass_kg, p_row.current_cost_usd, p_row.current_power_w)::core.amounts
  );
  v_verdict.is_within := case
    when v_verdict.overruns <> '{}' then false
    when p_row.current_mass_kg > 0 and p_shared_overruns ? 'mass_kg' and not v_allocation ? 'mass_kg' then false
    when p_row.current_cost_usd > 0 and p_shared_overruns ? 'cost_usd' and not v_allocation ? 'cost_usd' then false
    when v_allocation ?| array['mass_kg', 'cost_usd', 'power_w'] then true
    -- It has no allocation, so it uses the shared budget.
    when num_nonnulls(p_constraints.total_mass_kg_max, p_constraints.total_cost_usd_max) > 0 then true
  end;
  return v_verdict;
end;
$$;

-- Judges a status that was just written, in its transaction. With p_strict it is refused if it is over. Else
-- reservations, within_budget and conflicts are updated. Returns the row.
--
-- If the status has an amount of the shared budget, the caller holds the workspace's row. Other subsystems are judged
-- only if the status begins or ends an overrun of the shared budget: then all who use that quantity of it. The size of
-- an overrun changes no verdict.
create or replace function core.judge_status(
  p_old public.subsystems,
  p_new public.subsystems,
  p_status jsonb,
  p_execution_id text,
  p_strict boolean
)
returns public.subsystems
language plpgsql
set search_path = ''
as $$
declare
  v_constraints constant public.global_constraints := core.latest_constraints(p_new.workspace);
  v_shared constant text[] := core.shared_amounts(v_constraints, p_new.name);
  v_shared_before jsonb;
  v_shared_overruns jsonb;
  v_verdict core.verdict;
  v_names text[] := array[p_new.name];
begin
  if v_shared <> '{}' then
    v_shared_overruns := core.shared_overruns(v_constraints);
  end if;
  v_verdict := core.verdict(p_new, v_constraints, v_shared_overruns);
  if exists (
    select from public.budget_reservations as r where r.workspace = p_new.workspace and r.subsystem = p_new.name
  ) then
    perform core.charge_budget(
      p_new.workspace, p_new.name, v_constraints.budget_allocations -> p_new.name,
      row(p_new.current_mass_kg, p_new.current_cost_usd, p_new.current_power_w)::core.amounts,
      row(
        p_new.current_mass_kg - p_old.current_mass_kg, p_new.current_cost_usd - p_old.current_cost_usd,
        p_new.current_power_w - p_old.current_power_w
      )::core.amounts,
      p_execution_id, p_strict
    );
  end if;
  if p_strict and v_verdict.overruns <> '{}' then
    perform core.fail_over_budget(jsonb_build_object('subsystem', p_new.name), v_verdict.overruns);
  elsif p_strict and v_verdict.is_within is false then
    perform core.fail_over_budget(jsonb_build_object('subsystem', p_new.name, 'scope', 'robot'), v_shared_overruns);
  end if;
  if p_status ?| v_shared then
    v_shared_before := core.shared_overruns(v_constraints, row(
      case when 'current_mass_kg' = any(v_shared) then p_old.current_mass_kg - p_new.current_mass_kg end,
      case when 'current_cost_usd' = any(v_shared) then p_old.current_cost_usd - p_new.current_cost_usd end,
      0
    )::core.amounts);
  end if;
  if v_shared_before <> v_shared_overruns then
    -- After its own row, so out of the order of names. All who lock several rows hold the workspace's:
    -- shared_budget.sql.
    v_names := array(
      select s.name from public.subsystems as s
      where s.workspace = p_new.workspace and (s.name = p_new.name or exists (
        select from core.shared_use(v_constraints) as u
        where u.subsystem = s.name and (v_shared_before ? u.quantity) <> (v_shared_overruns ? u.quantity)
      ))
      order by s.name
      for no key update
    );
  end if;
  perform core.judge_budgets(
    v_constraints, v_names, v_shared_overruns, v_shared_before is not null, p_execution_id
  );
  p_new.within_budget := v_verdict.is_within;
  return p_new;
end;
$$;

-- Updates within_budget and the conflict of each of these subsystems, and with p_is_robot_judged the conflict of the
-- robot. Returns how many were judged.
create or replace function core.judge_budgets(
  p_constraints public.global_constraints,
  p_names text[],
  p_shared_overruns jsonb,
  p_is_robot_judged boolean,
  p_execution_id text
)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_judged record;
  v_count integer := 0;
begin
  -- Overruns first: their reports lock the conflict counter, which comes before the rows of conflicts.
  for v_judged in
    select * from (
      select s.name, s.within_budget, v.is_within, v.overruns
      from public.subsystems as s
      cross join lateral core.verdict(s, p_constraints, p_shared_overruns) as v
      where s.workspace = p_constraints.workspace and s.name = any(p_names)
      union all
      select null, null, null, p_shared_overruns where p_is_robot_judged
    ) as j
    order by j.overruns = '{}', j.name
  loop
    if v_judged.within_budget is distinct from v_judged.is_within then
      update public.subsystems as s set within_budget = v_judged.is_within
      where s.workspace = p_constraints.workspace and s.name = v_judged.name;
    end if;
    perform core.watch_overruns(p_constraints, v_judged.name, v_judged.overruns, p_execution_id);
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;

-- Corrects within_budget after an import. Opens no conflict, because an export brings its own, with their numbers. The
-- caller holds the workspace's row.
create or replace function core.correct_within_budget(p_constraints public.global_constraints)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_shared_overruns constant jsonb := core.shared_overruns(p_constraints);
  v_count integer;
begin
  perform core.lock_subsystems(p_constraints.workspace, array(
    select s.name from public.subsystems as s where s.workspace = p_constraints.workspace
  ));
  update public.subsystems as s set within_budget = v.is_within
  from public.subsystems as o
  cross join lateral core.verdict(o, p_constraints, v_shared_overruns) as v
  where o.workspace = p_constraints.workspace and s.workspace = o.workspace and s.name = o.name
    and s.within_budget is not null and s.within_budget is distinct from v.is_within;
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
