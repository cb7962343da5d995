create view public.budget_usage
with (security_invoker = true) as
select
  g.workspace,
  b.scope,
  b.name,
  b.quantity,
  b.allocated,
  b.used,
  b.held,
  b.allocated - b.used - b.held as remaining,
  round(b.used / nullif(b.allocated, 0), 4) as share
from (
  select distinct on (c.workspace) c.* from public.global_constraints as c
  order by c.workspace asc, c.version desc
) as g
cross join lateral core.budget_lines(g::public.global_constraints) as b
order by g.workspace, b.scope, b.name, b.quantity;

comment on view public.budget_usage is
'Mass, cost and power: how much is allocated to each subsystem (scope subsystem), to the reserve and to the whole robot,
how much of that is used and held by reservations, what remains, and the share that is used. Without a limit allocated
and remaining are null.';
