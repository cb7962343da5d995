-- Forgets the reservations of a budget that have ended, before somebody decides by those that have not: one
-- whose lease is being renewed at this moment must not come back to life when its amounts are gone. The
-- caller holds the row of the subsystem, or for the reserve that of the workspace.
create or replace function core.clear_reservations(p_workspace text, p_subsystem text)
returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_count integer;
begin
  delete from public.budget_reservations as r
  where r.workspace = p_workspace and r.subsystem = p_subsystem and not core.is_live_reservation(r);
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
