-- Puts the caller in line for grants of one resource, until commit. False if that takes longer than a
-- second: somebody writes the resource all that time, and whoever asks for it must not fill the
-- pool that the writer needs.
create or replace function core.lock_fencing_counter(
  p_workspace text,
  p_resource_type text,
  p_resource_name text
)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  perform from core.fencing_counters as c
  where c.workspace = p_workspace and c.resource_type = p_resource_type and c.resource_name = p_resource_name
  for update skip locked;
  return found or core.await_fencing_counter(p_workspace, p_resource_type, p_resource_name);
end;
$$;
