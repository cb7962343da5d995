create view public.budget_usage
with (security_invoker = true) as
-- The newest version of each workspace, one look into the index for each: every transfer makes one more.
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
)

select
  n.workspace,
  b.scope,
  b.name,
  b.quantity,
  b.allocated,
  b.used,
  b.held,
  b.allocated - b.used - b.held as remaining,
  round(b.used / nullif(b.allocated, 0), 4) as share
from newest as n
cross join lateral core.budget_lines(n.constraints) as b
order by n.workspace, b.scope, b.name, b.quantity;

comment on view public.budget_usage is
'Mass, cost and power: how much is allocated to each subsystem (scope subsystem), to the reserve and to the whole robot,
how much of that is used and held by reservations, what remains, and the share that is used. Where nothing is allocated
allocated and remaining are null: the limit is then what the totals leave unallocated, for all such subsystems together.';
