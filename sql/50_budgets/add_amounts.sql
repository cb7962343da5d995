-- The quantities of p_amounts that are not 0, added to an allocation (or taken off, by p_sign -1).
create or replace function core.add_amounts(p_allocation jsonb, p_amounts jsonb, p_sign integer)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return (
    select coalesce(
      jsonb_object_agg(a.key, coalesce((p_allocation ->> a.key)::numeric, 0) + p_sign * a.value::numeric), '{}'
    )
    from jsonb_each(p_amounts) as a
    where a.value::numeric <> 0
  );
end;
$$;
