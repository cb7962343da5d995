-- Whether a subsystem keeps to its allocation, and takes no part in an overrun of what is shared
-- (p_shared_overruns); null where nothing limits it.
create or replace function core.is_within_budget(
  p_row public.subsystems,
  p_constraints public.global_constraints,
  p_shared_overruns jsonb
)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_used constant jsonb := core.used_amounts(p_row);
  v_overruns constant jsonb := core.overruns(p_constraints.budget_allocations -> p_row.name, v_used);
  v_shared constant text[] := core.shared_quantities(p_constraints, p_row.name);
begin
  if v_overruns is null and v_shared = '{}' then
    return null;
  end if;
  return coalesce(v_overruns, '{}') = '{}' and not exists (
    select from unnest(v_shared) as q (name)
    where p_shared_overruns ? q.name and (v_used ->> q.name)::numeric > 0
  );
end;
$$;
