-- Whether a status says something about a quantity of which its subsystem has no allocation, but the robot a
-- total.
create or replace function core.changes_shared_use(
  p_constraints public.global_constraints,
  p_subsystem text,
  p_status jsonb
)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return exists (
    select from unnest(core.shared_quantities(p_constraints, p_subsystem)) as q (name)
    where p_status ? ('current_' || q.name)
  );
end;
$$;
