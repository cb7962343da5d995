-- Those of one request, as they are now. To a token that names another agent it has none.
create or replace function core.leases_of_request(p_workspace text, p_request_id uuid)
returns public.agent_locks[]
language plpgsql
set search_path = ''
as $$
begin
  return array(
    select l from public.agent_locks as l
    where l.workspace = p_workspace and l.request_id = p_request_id and l.expires_at > clock_timestamp()
      and l.locked_by = coalesce(core.claimed_agent(), l.locked_by)
    order by l.resource_type, l.resource_name
  );
end;
$$;
