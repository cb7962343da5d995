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
  case when d.subsystem is null then '[]' else core.stale_inputs(s.workspace, s.name) end as stale_inputs,
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
  -- Each open conflict once for each subsystem that it concerns: one pass, however many subsystems. By the names that
  -- the agents of a subsystem have: to find the subsystem of each agent in a conflict takes four times as long.
  select
    a.workspace,
    a.subsystem,
    count(distinct o.conflict_id) as active_conflicts
  from (
    select
      u.workspace,
      u.name as subsystem,
      n.agent
    from public.subsystems as u
    cross join lateral (
      -- As core.agent_subsystem has it: an agent of the name a_agent works on a, not on a_agent.
      values (u.name || '_agent'), (u.name || '_designer'),
      (case when u.name !~ '._(agent|designer)$' then u.name end)
    ) as n (agent)
  ) as a
  inner join (
    select
      e.workspace,
      e.conflict_id,
      n.name as agent
    from public.conflicts as e
    cross join lateral unnest(e.blocks_agents || e.source_agent || e.target_agent) as n (name)
    where e.status = 'open'
  ) as o on a.workspace = o.workspace and a.agent = o.agent
  group by a.workspace, a.subsystem
) as c
  on s.workspace = c.workspace and s.name = c.subsystem
left join (
  -- Who is stale at all: one pass finds the few for whom it has to be told what changed.
  select distinct
    i.workspace,
    i.subsystem
  from public.document_dependencies as i
  where exists (
    select from core.documents as v
    where
      v.workspace = i.workspace and v.document = i.document and v.subsystem = i.on_subsystem
      and v.version > greatest(i.seen_version, i.accepted_version)
  )
) as d
  on s.workspace = d.workspace and s.name = d.subsystem
order by s.workspace, s.name;

comment on view public.system_status is
'Each subsystem with its budget, who holds its lock, how many open conflicts concern it, and which of the documents that
it was made from have changed since.';
