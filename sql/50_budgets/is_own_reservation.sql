-- Whether an execution may use what a reservation holds. Everybody can read the names of executions: so a
-- token that names its agent speaks for the reservations of that agent alone.
create or replace function core.is_own_reservation(p_reservation public.budget_reservations, p_execution_id text)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return p_reservation.execution_id is not distinct from p_execution_id
    and p_reservation.agent_name = coalesce(core.claimed_agent(), p_reservation.agent_name);
end;
$$;
