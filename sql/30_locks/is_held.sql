create or replace function core.is_held(p_workspace text, p_resource core.resource)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  return exists (
    select from public.agent_locks as l
    where l.workspace = p_workspace
      and l.resource_type = p_resource.resource_type and l.resource_name = p_resource.resource_name
      and l.expires_at > clock_timestamp()
  );
end;
$$;
