create view public.lock_queue
with (security_invoker = true) as
select
  r.workspace,
  r.resource_type,
  r.resource_name,
  row_number() over (
    partition by r.workspace, r.resource_type, r.resource_name order by r.queue_key, r.ticket_id
  ) as position,
  t.agent_name,
  t.execution_id,
  t.priority,
  t.created_at as waiting_since,
  t.gives_up_at,
  t.request_id
from core.lock_ticket_resources as r
cross join lateral (
  select l.* from core.live_lock_tickets as l
  where l.ticket_id = r.ticket_id
  offset 0 -- noqa: AM09
) as t;

comment on view public.lock_queue is 'Who waits for which lock, in the order in which they will get it.';
