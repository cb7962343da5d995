-- Whose status has to be looked at again when these constraints follow those: whose allocation changes, and all
-- who take from what the totals leave unallocated; everybody where there is a total that there was not, or no
-- longer. Nobody where neither allocations nor totals change.
create or replace function core.subsystems_to_judge(
  p_old public.global_constraints,
  p_new public.global_constraints
)
returns text[]
language plpgsql
stable
set search_path = ''
as $$
declare
  v_names constant text[] := core.changed_allocations(p_old, p_new);
  v_old constant numeric[] := array[p_old.total_mass_kg_max, p_old.total_cost_usd_max];
  v_new constant numeric[] := array[p_new.total_mass_kg_max, p_new.total_cost_usd_max];
begin
  if (v_old[1] is null, v_old[2] is null) <> (v_new[1] is null, v_new[2] is null) then
    return v_names || array(select s.name from public.subsystems as s where s.workspace = p_old.workspace);
  elsif v_names = '{}' and v_old is not distinct from v_new then
    return v_names;
  end if;
  return array(
    select n.name from unnest(v_names) as n (name)
    union
    select o.subsystem from core.shared_use(p_old) as o
    union
    select u.subsystem from core.shared_use(p_new) as u
  );
end;
$$;
