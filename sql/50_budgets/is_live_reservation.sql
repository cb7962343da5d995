-- A reservation ends by its own time, or with the lease that it was tied to.
create or replace function core.is_live_reservation(p_reservation public.budget_reservations)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return p_reservation.expires_at > clock_timestamp() and (
    p_reservation.fencing_token is null
    or exists (
      select from public.agent_locks as l
      where l.workspace = p_reservation.workspace and l.resource_type = 'subsystem'
        and l.resource_name = p_reservation.locked_subsystem and l.fencing_token = p_reservation.fencing_token
        and l.expires_at > clock_timestamp()
    )
  );
end;
$$;
