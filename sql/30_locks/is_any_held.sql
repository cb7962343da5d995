-- A look without locks: whether somebody holds one of these.
create or replace function core.is_any_held(p_workspace text, p_resources core.resource[])
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_resource core.resource;
begin
  foreach v_resource in array p_resources loop
    if exists (
      select from public.agent_locks as l
      where l.workspace = p_workspace
        and l.resource_type = v_resource.resource_type and l.resource_name = v_resource.resource_name
        and l.expires_at > clock_timestamp()
    ) then
      return true;
    end if;
  end loop;
  return false;
end;
$$;
