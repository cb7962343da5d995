-- A read with a core half, because it calls helpers that callers may not.
create or replace function core.blocked_by(p_agent_name text)
returns setof public.conflicts
language plpgsql
stable
security definer
set search_path = ''
as $$
begin
  perform core.require_name('agent_name', p_agent_name);
  return query select * from core.blockers_of_agent(core.current_workspace(), p_agent_name);
end;
$$;

create or replace function public.blocked_by(agent_name text)
returns setof public.conflicts
language sql
stable
set search_path = ''
as $$
  select * from core.blocked_by(agent_name);
$$;

comment on function public.blocked_by(text) is
'Open conflicts that block this agent (or another of its subsystem), most urgent first: by priority, severity, number.';
