create type public.lock_status as (
  resource_type text,
  resource_name text,
  holder public.agent_locks,
  queue public.lock_queue []
);
comment on type public.lock_status is 'Answer of get_lock_status.';

create or replace function public.get_lock_status(resource_type text, resource_name text)
returns public.lock_status
language sql
stable
set search_path = ''
set enable_seqscan = off
as $$
  select row(
    get_lock_status.resource_type,
    get_lock_status.resource_name,
    (
      select l from public.agent_locks as l
      where l.workspace = core.current_workspace()
        and l.resource_type = get_lock_status.resource_type and l.resource_name = get_lock_status.resource_name
        and l.expires_at > clock_timestamp()
    ),
    array(
      select q from public.lock_queue as q
      where q.workspace = core.current_workspace()
        and q.resource_type = get_lock_status.resource_type and q.resource_name = get_lock_status.resource_name
      order by q.position
    )
  )::public.lock_status;
$$;

comment on function public.get_lock_status(text, text) is
'Who holds a lock (holder, or null), until when, and who waits for it, in order.';
