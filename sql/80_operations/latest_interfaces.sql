-- The newest interfaces of each named subsystem that has published any.
create or replace function core.latest_interfaces(p_workspace text, p_subsystems text[])
returns public.subsystem_interfaces[]
language plpgsql
stable
set search_path = ''
as $$
begin
  return array(
    select latest.*::public.subsystem_interfaces
    from (select distinct n.name from unnest(p_subsystems) as n (name)) as named
    cross join lateral (
      select d.* from public.subsystem_interfaces as d
      where d.workspace = p_workspace and d.subsystem_name = named.name
      order by d.version desc limit 1
    ) as latest
    order by named.name
  );
end;
$$;
