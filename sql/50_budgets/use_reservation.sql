-- Ends a reservation because what it held is moved now; it must still hold it.
create or replace function core.use_reservation(
  p_workspace text,
  p_reservation_id uuid,
  p_subsystem text,
  p_execution_id text
)
returns public.budget_reservations
language plpgsql
set search_path = ''
as $$
declare
  v_row public.budget_reservations;
begin
  delete from public.budget_reservations as r
  where r.workspace = p_workspace and r.subsystem = p_subsystem and r.reservation_id = p_reservation_id
    and core.is_own_reservation(r, p_execution_id) and core.is_live_reservation(r)
  returning r.* into v_row;
  if not found then
    perform core.fail(
      'reservation_lost',
      jsonb_build_object('reservation_id', p_reservation_id, 'subsystem', p_subsystem),
      'It has ended, or is not of this execution: reserve the budget again.'
    );
  end if;
  return v_row;
end;
$$;
