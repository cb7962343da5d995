-- Makes the counters that these resources do not have yet, because core.hand_over can make none. False if
-- somebody else is making one and does not come to an end: then the first in line takes its turn by itself.
create or replace function core.make_fencing_counters(p_workspace text, p_resources core.resource[])
returns boolean
language plpgsql
set search_path = ''
set lock_timeout = '100ms'
as $$
begin
  insert into core.fencing_counters (workspace, resource_type, resource_name)
  select p_workspace, r.resource_type, r.resource_name from unnest(p_resources) as r
  on conflict do nothing;
  return true;
exception
  when lock_not_available then
    return false;
end;
$$;
