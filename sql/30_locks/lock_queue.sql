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
  select l.* from core.lock_tickets as l
  where l.ticket_id = r.ticket_id and core.is_live_ticket(l)
  offset 0 -- noqa: AM09
) as t;

comment on view public.lock_queue is 'Who waits for which lock, in the order in which they will get it.';

create type public.lock_status as (
  resource_type text,
  resource_name text,
  holder public.agent_locks,
  queue public.lock_queue []
);
comment on type public.lock_status is 'Answer of get_lock_status.';
