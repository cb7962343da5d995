-- The number of the latest version of a document, 0 if there is none yet.
create or replace function core.latest_version(p_workspace text, p_document text, p_subsystem text)
returns integer
language plpgsql
stable
set search_path = ''
as $$
begin
  -- Spelt out, because system_status asks this for each dependency: `execute` would plan it anew each time.
  if p_document = 'requirements' then
    return coalesce((
      select max(d.version) from public.subsystem_requirements as d
      where d.workspace = p_workspace and d.subsystem_name = p_subsystem
    ), 0);
  elsif p_document = 'interfaces' then
    return coalesce((
      select max(d.version) from public.subsystem_interfaces as d
      where d.workspace = p_workspace and d.subsystem_name = p_subsystem
    ), 0);
  end if;
  return coalesce((
    select max(d.version) from public.subsystem_designs as d
    where d.workspace = p_workspace and d.subsystem_name = p_subsystem
  ), 0);
end;
$$;
