-- The shared budget: what is not allocated
--
-- A total minus all allocations of a quantity, the reserve's included, is shared. All subsystems without an allocation
-- of that quantity may use it together. One rule keeps them within it:
--
--   A status with such an amount locks the workspace's row before all else. So these statuses come one after the other,
--   and each sees what the others use.
--
-- A status whose amounts are all allocated to its subsystem does not lock the row. It must stay of that kind until it
-- commits. So each status with a mass or a cost first shares an advisory lock, the workspace's `allocations`. A change
-- that may take an allocation away, or set a total where there was none, has that lock alone (core.lock_constraints).
-- It is advisory because Postgres grants a shared row lock even if somebody waits for the whole row: a change of limits
-- might wait for ever.
--
-- Invariant: while the workspace's row is locked, no amount in core.shared_use changes.
--
-- Lock order: request id, `allocations`, the workspace's row, then all else. A status that holds the workspace's row
-- may lock other subsystems' rows after its own, out of their order.

-- First step of a status: takes the locks that the rule above asks for. True if it locked the workspace's row.
create or replace function core.lock_shared_budget(p_workspace text, p_subsystem text, p_status jsonb)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if not p_status ?| array['current_mass_kg', 'current_cost_usd'] then
    return false;
  end if;
  perform pg_advisory_xact_lock_shared(hashtextextended('allocations/' || p_workspace, 0));
  if exists (select from public.subsystems as s where s.workspace = p_workspace and s.name = p_subsystem)
    and not p_status ?| core.shared_amounts(core.latest_constraints(p_workspace), p_subsystem) then
    return false;
  end if;
  -- Also for a new subsystem: core.lock_absent_subsystem would share the row, and an upgrade later could deadlock.
  perform from core.workspaces as w where w.name = p_workspace for no key update;
  return true;
end;
$$;

-- Locks the workspace's row, under which constraint versions are given, and returns the version in force.
-- p_sets_limits: the caller may take an allocation away, or set a total where there was none.
create or replace function core.lock_constraints(p_workspace text, p_sets_limits boolean default false)
returns public.global_constraints
language plpgsql
set search_path = ''
as $$
begin
  if p_sets_limits then
    perform pg_advisory_xact_lock(hashtextextended('allocations/' || p_workspace, 0));
  end if;
  perform from core.workspaces as w where w.name = p_workspace for no key update;
  return core.latest_constraints(p_workspace);
end;
$$;

-- Which amounts of a subsystem's status come out of the shared budget, by their keys in a status: those that have a
-- total, and no allocation.
create or replace function core.shared_amounts(p_constraints public.global_constraints, p_subsystem text)
returns text[]
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_allocation constant jsonb := coalesce(p_constraints.budget_allocations -> p_subsystem, '{}');
begin
  return array_remove(array[
    case when p_constraints.total_mass_kg_max is not null and not v_allocation ? 'mass_kg' then 'current_mass_kg' end,
    case when p_constraints.total_cost_usd_max is not null and not v_allocation ? 'cost_usd' then 'current_cost_usd' end
  ], null);
end;
$$;

-- Which subsystems use how much of the shared budget. The rule of core.shared_amounts is repeated here, because to call
-- that for each row would take most of the time.
create or replace function core.shared_use(p_constraints public.global_constraints)
returns table (subsystem text, quantity text, amount numeric)
language plpgsql
stable
set search_path = ''
as $$
begin
  return query
  select s.name, q.name, q.amount
  from public.subsystems as s
  cross join lateral (
    values
    ('mass_kg', p_constraints.total_mass_kg_max, s.current_mass_kg),
    ('cost_usd', p_constraints.total_cost_usd_max, s.current_cost_usd)
  ) as q (name, total, amount)
  where s.workspace = p_constraints.workspace and q.total is not null and q.amount > 0
    and not coalesce(p_constraints.budget_allocations -> s.name ? q.name, false);
end;
$$;

-- By how much the shared budget is exceeded, in the form of core.overruns; with p_more: if that was used too.
-- `allocated` is what the totals leave, at least 0: an imported design may allocate more than its totals.
create or replace function core.shared_overruns(
  p_constraints public.global_constraints,
  p_more core.amounts default null
)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_used core.amounts;
  v_allocated core.amounts;
begin
  select
    coalesce(sum(u.amount) filter (where u.quantity = 'mass_kg'), 0) + coalesce(p_more.mass_kg, 0),
    coalesce(sum(u.amount) filter (where u.quantity = 'cost_usd'), 0) + coalesce(p_more.cost_usd, 0)
  into v_used.mass_kg, v_used.cost_usd
  from core.shared_use(p_constraints) as u;
  if v_used.mass_kg + v_used.cost_usd = 0 then
    return '{}'::jsonb;
  end if;
  select coalesce(sum((b.value ->> 'mass_kg')::numeric), 0), coalesce(sum((b.value ->> 'cost_usd')::numeric), 0)
  into v_allocated.mass_kg, v_allocated.cost_usd
  from jsonb_each(p_constraints.budget_allocations) as b;
  -- A quantity without a total has no shared budget, and core.shared_use leaves it out.
  return core.overruns(
    jsonb_build_object(
      'mass_kg', greatest(trim_scale(p_constraints.total_mass_kg_max - v_allocated.mass_kg), 0),
      'cost_usd', greatest(trim_scale(p_constraints.total_cost_usd_max - v_allocated.cost_usd), 0)
    ),
    v_used
  );
end;
$$;
