create or replace function public.is_blocked(agent_name text)
returns boolean
language sql
stable
set search_path = ''
as $$
  select exists (select from core.blocked_by(agent_name));
$$;

comment on function public.is_blocked(text) is
'Whether an open conflict blocks this agent (or another of its subsystem). See blocked_by and wait_until_unblocked.';
