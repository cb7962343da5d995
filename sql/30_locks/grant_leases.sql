-- Grants all of the resources (sorted by type and name), or returns null. A granted ticket leaves the
-- queue in the same transaction.
create or replace function core.grant_leases(
  p_workspace text,
  p_resources core.resource[],
  p_agent_name text,
  p_execution_id text,
  p_ttl_seconds integer,
  p_request_id uuid,
  p_ticket_id bigint,
  p_is_provisional boolean
)
returns public.agent_locks[]
language plpgsql
set search_path = ''
as $$
declare
  v_resource core.resource;
  v_leases public.agent_locks[] := array[]::public.agent_locks[];
begin
  -- A look without locks first: most attempts on a held resource end here, without a write.
  if core.is_any_held(p_workspace, p_resources) then
    return null;
  end if;
  foreach v_resource in array p_resources loop
    if not core.lock_for_grant(p_workspace, v_resource, p_ticket_id) then
      return null;
    end if;
  end loop;
  if p_ticket_id is not null then
    delete from core.lock_tickets as t where t.ticket_id = p_ticket_id and t.refused is null;
    if not found then
      return null;  -- cancelled, or refused as a deadlock, while we waited for the locks
    end if;
  end if;
  foreach v_resource in array p_resources loop
    v_leases := v_leases || core.write_lease(
      p_workspace, v_resource, p_agent_name, p_execution_id, p_ttl_seconds, p_request_id, p_is_provisional,
      p_ticket_id is not null
    );
  end loop;
  return v_leases;
end;
$$;
