-- Whose verdict differs when these overruns of what is shared follow those: all who use of a quantity whose overrun
-- has begun or ended. How large an overrun is changes nobody's.
create or replace function core.sharers_of_change(
  p_constraints public.global_constraints,
  p_old_overruns jsonb,
  p_new_overruns jsonb
)
returns text[]
language plpgsql
stable
set search_path = ''
as $$
declare
  v_quantities constant text[] := array(
    select q.name from unnest(core.quantities()) as q (name)
    where (p_old_overruns ? q.name) <> (p_new_overruns ? q.name)
  );
begin
  if v_quantities = '{}' then
    return v_quantities;
  end if;
  return array(
    select distinct u.subsystem from core.shared_use(p_constraints) as u where u.quantity = any(v_quantities)
  );
end;
$$;
