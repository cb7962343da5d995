-- Three-way merge: what two writers made of the same base, put together. Objects are merged key by
-- key (see core.has_parts); arrays and scalars are one value each. A part that only one side changed is
-- taken from that side; one that both changed alike is no conflict; one that both changed
-- differently is, and keeps `theirs` in the document.
--
-- Recursive; SQL null stands for "not there". Equal subtrees are not descended into, and each object
-- is read once: to fetch its keys one by one would read all of it for each of them.
create or replace function core.merge_documents(
  p_base jsonb,
  p_theirs jsonb,
  p_yours jsonb,
  p_pointer text default '',
  p_depth integer default 0
)
returns core.document_merge
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_merge core.document_merge;
begin
  if p_theirs is not distinct from p_yours or p_yours is not distinct from p_base then
    return row(p_theirs, '{}'::text[])::core.document_merge;
  elsif p_theirs is not distinct from p_base then
    return row(p_yours, '{}'::text[])::core.document_merge;
  elsif not (
    core.has_parts(p_theirs, p_depth) and core.has_parts(p_yours, p_depth)
    and (p_base is null or core.has_parts(p_base, p_depth))
  ) then
    return row(p_theirs, array[p_pointer])::core.document_merge;
  end if;
  with parts as materialized (
    select coalesce(t.key, y.key) as key, m.document, m.conflicts
    from jsonb_each(p_theirs) as t
    full join jsonb_each(p_yours) as y on t.key = y.key
    left join jsonb_each(p_base) as b on b.key = coalesce(t.key, y.key)
    cross join lateral core.merge_documents(
      b.value, t.value, y.value, core.pointer(p_pointer, coalesce(t.key, y.key)), p_depth + 1
    ) as m
  )
  select
    coalesce(jsonb_object_agg(p.key, p.document) filter (where p.document is not null), '{}'),
    array(select c.path from parts as q cross join lateral unnest(q.conflicts) as c (path) order by c.path collate "C")
  into v_merge
  from parts as p;
  return v_merge;
end;
$$;
