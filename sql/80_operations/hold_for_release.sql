-- A check-in that releases takes the lease `for update` from the start: to share it first and to delete
-- it later would be a lock upgrade, and two of those deadlock. The counter comes before, as everywhere.
create or replace function core.hold_for_release(p_workspace text, p_subsystem text)
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  perform core.share_fencing_counter(p_workspace, 'subsystem', p_subsystem);
  perform from public.agent_locks as l
  where l.workspace = p_workspace and l.resource_type = 'subsystem' and l.resource_name = p_subsystem
  for update;
  return found;
end;
$$;
