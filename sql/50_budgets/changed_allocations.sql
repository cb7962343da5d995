-- Whose allocation differs between two versions of the constraints, by name.
create or replace function core.changed_allocations(
  p_old public.global_constraints,
  p_new public.global_constraints
)
returns text[]
language plpgsql
immutable
set search_path = ''
as $$
begin
  return array(
    select coalesce(o.key, n.key)
    from jsonb_each(p_old.budget_allocations) as o
    full join jsonb_each(p_new.budget_allocations) as n on o.key = n.key
    where o.value is distinct from n.value
    order by 1
  );
end;
$$;
