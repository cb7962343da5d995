-- Puts the caller in line for grants of one resource, until commit; returns the last token given.
create or replace function core.lock_fencing_counter(
  p_workspace text,
  p_resource_type text,
  p_resource_name text
)
returns bigint
language plpgsql
set search_path = ''
as $$
declare
  v_token bigint;
begin
  select c.last_token into v_token from core.fencing_counters as c
  where c.workspace = p_workspace and c.resource_type = p_resource_type and c.resource_name = p_resource_name
  for update;
  if not found then
    insert into core.fencing_counters (workspace, resource_type, resource_name)
    values (p_workspace, p_resource_type, p_resource_name)
    on conflict do nothing;
    select c.last_token into v_token from core.fencing_counters as c
    where c.workspace = p_workspace and c.resource_type = p_resource_type and c.resource_name = p_resource_name
    for update;
  end if;
  return v_token;
end;
$$;
