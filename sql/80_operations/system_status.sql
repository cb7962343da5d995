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
  coalesce(d.inputs, '[]') as stale_inputs,
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
  -- Counts each open conflict once for each of its subsystems, in one pass. Conflicts among the same agents are counted
  -- together first.
  select
    p.workspace,
    p.subsystem,
    sum(p.conflicts)::bigint as active_conflicts
  from (
    select distinct
      o.workspace,
      -- As core.agent_subsystem; to call that for each name would take most of the view's time.
      case
        when o.agent like '_%\_agent' then left(o.agent, -6)
        when o.agent like '_%\_designer' then left(o.agent, -9)
        else o.agent
      end as subsystem,
      o.first_id,
      o.conflicts
    from (
      select
        e.workspace,
        unnest(e.blocks_agents || e.source_agent || e.target_agent) as agent,
        min(e.conflict_id) as first_id,
        count(*) as conflicts
      from public.conflicts as e
      where e.status = 'open'
      group by e.workspace, e.source_agent, e.target_agent, e.blocks_agents
    ) as o
  ) as p
  group by p.workspace, p.subsystem
) as c
  on s.workspace = c.workspace and s.name = c.subsystem
left join (
  select
    i.workspace,
    i.subsystem,
    jsonb_agg(i.input order by i.on_subsystem, i.document) as inputs
  from core.stale_inputs as i
  group by i.workspace, i.subsystem
) as d
  on s.workspace = d.workspace and s.name = d.subsystem
order by s.workspace, s.name;

comment on view public.system_status is
'Each subsystem with its budget, who holds its lock, how many open conflicts concern it, and which of the documents that
it was made from have changed since.';
