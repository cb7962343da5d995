-- Those of one request, as they are now: all that it was granted, or none. Where one of a set has ended
-- the rest is of no use; it is left to cancel_lock_request, or lapses. To a token that names another
-- agent it has none.
create or replace function core.leases_of_request(p_workspace text, p_request_id uuid)
returns public.agent_locks[]
language plpgsql
set search_path = ''
as $$
declare
  v_leases constant public.agent_locks[] := array(
    select l from public.agent_locks as l
    where l.workspace = p_workspace and l.request_id = p_request_id and l.expires_at > clock_timestamp()
      and l.locked_by = coalesce(core.claimed_agent(), l.locked_by)
    order by l.resource_type, l.resource_name
  );
begin
  -- The answer that was kept tells how many there were.
  if exists (
    select from core.requests as r
    where r.workspace = p_workspace and r.request_id = p_request_id and r.function_name = 'acquire_locks'
      and r.answer -> cardinality(v_leases) is not null
  ) then
    return array[]::public.agent_locks[];
  end if;
  return v_leases;
end;
$$;
