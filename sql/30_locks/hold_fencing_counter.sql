-- A writer's share of the counter: as long as it is held no grant of the resource can happen, so
-- what the writer finds out about the lease stays true until it commits.
create or replace function core.hold_fencing_counter(
  p_workspace text,
  p_resource_type text,
  p_resource_name text
)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  perform pg_advisory_xact_lock_shared(core.fencing_counter_key(p_workspace, p_resource_type, p_resource_name));
  perform from core.fencing_counters as c
  where c.workspace = p_workspace and c.resource_type = p_resource_type and c.resource_name = p_resource_name
  for key share;
  if not found then
    insert into core.fencing_counters (workspace, resource_type, resource_name)
    values (p_workspace, p_resource_type, p_resource_name)
    on conflict do nothing;
    perform from core.fencing_counters as c
    where c.workspace = p_workspace and c.resource_type = p_resource_type and c.resource_name = p_resource_name
    for key share;
  end if;
  return true;
end;
$$;
