-- The slow way to a counter: it does not exist yet, or somebody has it. In line with the writers, so that it
-- waits for those who came before and no others.
create or replace function core.await_fencing_counter(
  p_workspace text,
  p_resource_type text,
  p_resource_name text
)
returns boolean
language plpgsql
set search_path = ''
set lock_timeout = '1s'
as $$
begin
  perform pg_advisory_xact_lock(core.fencing_counter_key(p_workspace, p_resource_type, p_resource_name));
  insert into core.fencing_counters (workspace, resource_type, resource_name)
  values (p_workspace, p_resource_type, p_resource_name)
  on conflict do nothing;
  perform from core.fencing_counters as c
  where c.workspace = p_workspace and c.resource_type = p_resource_type and c.resource_name = p_resource_name
  for update;
  return true;
exception
  when lock_not_available then
    return false;
end;
$$;
