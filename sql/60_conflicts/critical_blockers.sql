-- What keeps an agent from starting at all: the critical ones of those that block it.
create or replace function core.critical_blockers(p_workspace text, p_agent_name text)
returns public.conflicts[]
language plpgsql
stable
set search_path = ''
as $$
begin
  return array(
    select b from core.blockers_of_agent(p_workspace, p_agent_name) as b where b.severity = 'critical'
  );
end;
$$;
