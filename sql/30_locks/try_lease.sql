-- Holds the row of a lease, if there is one, `for update` until commit; false if somebody else has it.
create or replace function core.try_lease(p_workspace text, p_resource core.resource)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  perform from public.agent_locks as l
  where l.workspace = p_workspace
    and l.resource_type = p_resource.resource_type and l.resource_name = p_resource.resource_name
  for update skip locked;
  return found or not exists (
    select from public.agent_locks as l
    where l.workspace = p_workspace
      and l.resource_type = p_resource.resource_type and l.resource_name = p_resource.resource_name
  );
end;
$$;
