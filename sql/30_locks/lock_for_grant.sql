-- Takes what a grant needs of one resource: its fencing counter, then its lease row, both `for update`.
-- The counter, because two grants must never run side by side; the lease, because a writer that was
-- just checked holds it `for key share` until it commits, and only `for update` waits for that.
-- False if the resource is held or written all the time, or if it is somebody else's turn (p_ticket_id
-- null: a newcomer's).
create or replace function core.lock_for_grant(p_workspace text, p_resource core.resource, p_ticket_id bigint)
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_expires_at timestamptz;
begin
  if not core.lock_fencing_counter(p_workspace, p_resource.resource_type, p_resource.resource_name) then
    return false;
  end if;
  select l.expires_at into v_expires_at from public.agent_locks as l
  where l.workspace = p_workspace
    and l.resource_type = p_resource.resource_type and l.resource_name = p_resource.resource_name
  for update;
  if v_expires_at > clock_timestamp() then
    return false;
  end if;
  return core.first_in_line(p_workspace, p_resource) is not distinct from p_ticket_id;
end;
$$;
