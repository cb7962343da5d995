create view public.system_status
with (security_invoker = true) as
select
  s.workspace,
  s.name,
  s.state,
  s.current_mass_kg,
  (b.budget ->> 'mass_kg')::numeric as budget_mass_kg,
  s.current_cost_usd,
  (b.budget ->> 'cost_usd')::numeric as budget_cost_usd,
  s.current_power_w,
  (b.budget ->> 'power_w')::numeric as budget_power_w,
  s.within_budget,
  s.iteration,
  s.version,
  l.locked_by,
  l.expires_at as lock_expires_at,
  coalesce(c.active_conflicts, 0) as active_conflicts,
  s.updated_at
from public.subsystems as s
left join lateral (
  select g.budget_allocations -> s.name as budget
  from public.global_constraints as g
  where g.workspace = s.workspace
  order by g.version desc
  limit 1
) as b on true
left join public.agent_locks as l
  on
    s.workspace = l.workspace
    and l.resource_type = 'subsystem'
    and s.name = l.resource_name
    and l.expires_at > clock_timestamp()
left join (
  -- Each open conflict once for each subsystem that it concerns: one pass, however many subsystems.
  select
    o.workspace,
    core.agent_subsystem(a.name) as subsystem,
    count(distinct o.conflict_id) as active_conflicts
  from public.conflicts as o
  cross join unnest(o.blocks_agents || o.source_agent || o.target_agent) as a (name)
  where o.status = 'open'
  group by o.workspace, core.agent_subsystem(a.name)
) as c
  on s.workspace = c.workspace and s.name = c.subsystem
order by s.workspace, s.name;

comment on view public.system_status is
'Each subsystem with its budget, who holds its lock, and how many open conflicts concern it.';
