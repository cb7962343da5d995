create view public.budget_usage
with (security_invoker = true) as
-- The latest version of each workspace, by one index lookup each: there are many versions, one for each transfer.
with recursive newest as (
  (
    select
      l.workspace,
      l::public.global_constraints as constraints
    from public.global_constraints as l
    order by l.workspace desc, l.version desc
    limit 1
  )
  union all
  select
    n.workspace,
    n.constraints
  from newest as p
  cross join lateral (
    select
      c.workspace,
      c::public.global_constraints as constraints
    from public.global_constraints as c
    where c.workspace < p.workspace
    order by c.workspace desc, c.version desc
    limit 1
  ) as n
),

lines as (
  select
    n.workspace,
    n.constraints,
    b.name,
    q.name as quantity,
    ((n.constraints).budget_allocations -> b.name ->> q.name)::numeric as allocated,
    coalesce(q.used, 0) as used,
    coalesce(q.held, 0) as held
  from newest as n
  inner join lateral (
    select jsonb_object_keys((n.constraints).budget_allocations) as name
    union
    select o.name from public.subsystems as o
    where o.workspace = n.workspace
  ) as b on true
  left join public.subsystems as s on n.workspace = s.workspace and b.name = s.name
  left join lateral (
    select
      sum(r.mass_kg) as mass_kg,
      sum(r.cost_usd) as cost_usd,
      sum(r.power_w) as power_w
    from core.live_reservations as r
    where r.workspace = n.workspace and r.subsystem = b.name
  ) as h on true
  cross join lateral (
    values
    ('mass_kg', s.current_mass_kg, h.mass_kg),
    ('cost_usd', s.current_cost_usd, h.cost_usd),
    ('power_w', s.current_power_w, h.power_w)
  ) as q (name, used, held)
),

budgets as (
  select
    l.workspace,
    case when l.name = 'reserve' then 'reserve' else 'subsystem' end as scope,
    l.name,
    l.quantity,
    l.allocated,
    l.used,
    l.held
  from lines as l
  union all
  select
    l.workspace,
    'robot' as scope,
    'robot' as name,
    l.quantity,
    case l.quantity
      when 'mass_kg' then max((l.constraints).total_mass_kg_max)
      when 'cost_usd' then max((l.constraints).total_cost_usd_max)
      else sum(l.allocated)
    end as allocated,
    sum(l.used) as used,
    sum(l.held) as held
  from lines as l
  group by l.workspace, l.quantity
)

select
  b.workspace,
  b.scope,
  b.name,
  b.quantity,
  b.allocated,
  b.used,
  b.held,
  b.allocated - b.used - b.held as remaining,
  round(b.used / nullif(b.allocated, 0), 4) as share
from budgets as b
where b.allocated is not null or b.used > 0
order by b.workspace, b.scope, b.name, b.quantity;

comment on view public.budget_usage is
'Mass, cost and power: how much is allocated to each subsystem (scope subsystem), to the reserve and to the whole robot,
how much of that is used and held by reservations, what remains, and the share that is used. Where nothing is allocated
allocated and remaining are null: the limit is then what the totals leave unallocated, for all such subsystems together.';
