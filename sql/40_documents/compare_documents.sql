-- What differs between two documents, part by part, as JSON pointers. Objects are compared key by
-- key (see core.has_parts); arrays and scalars are one value each. SQL null stands for "not there".
--
-- Level by level, each object read once: to fetch the keys of a wide object one by one would read
-- all of it for each of them.
create or replace function core.compare_documents(p_old jsonb, p_new jsonb)
returns setof public.document_change
language plpgsql
immutable
set search_path = ''
as $$
begin
  return query
  with recursive parts as (
    select '' as pointer, p_old as old_value, p_new as new_value,
      core.has_parts(p_old, 0) and core.has_parts(p_new, 0) as is_divided, 0 as depth
    where p_old is distinct from p_new
    union all
    select core.pointer(p.pointer, k.key), k.old_value, k.new_value,
      core.has_parts(k.old_value, p.depth + 1) and core.has_parts(k.new_value, p.depth + 1), p.depth + 1
    from parts as p
    cross join lateral (
      select coalesce(o.key, n.key) as key, o.value as old_value, n.value as new_value
      from jsonb_each(case when p.is_divided then p.old_value end) as o
      full join jsonb_each(case when p.is_divided then p.new_value end) as n on o.key = n.key
      where o.value is distinct from n.value
    ) as k
  )
  select
    p.pointer,
    case when p.old_value is null then 'added' when p.new_value is null then 'removed' else 'changed' end,
    p.old_value, p.new_value
  from parts as p
  where not p.is_divided
  order by p.pointer collate "C";
end;
$$;
