-- By how much all that is used without an allocation together exceeds what the totals leave unallocated, as
-- core.overruns tells it; null where the robot has no totals.
create or replace function core.shared_overruns(p_constraints public.global_constraints)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return core.overruns(core.unallocated(p_constraints), (
    select coalesce(jsonb_object_agg(u.quantity, u.amount), '{}') from (
      select o.quantity, sum(o.amount) as amount
      from core.shared_use(p_constraints) as o
      group by o.quantity
    ) as u
  ));
end;
$$;
