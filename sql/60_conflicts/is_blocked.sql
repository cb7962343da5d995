create or replace function core.is_blocked(p_agent_name text)
returns boolean
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  perform core.require_name('agent_name', p_agent_name);
  return exists (select from core.blockers_of_agent(core.current_workspace(), p_agent_name));
end;
$$;

create or replace function public.is_blocked(agent_name text)
returns boolean
language sql
stable
set search_path = ''
as $$
  select core.is_blocked(agent_name);
$$;

comment on function public.is_blocked(text) is
'Whether an open conflict blocks this agent (or another of its subsystem). See blocked_by and wait_until_unblocked.';
