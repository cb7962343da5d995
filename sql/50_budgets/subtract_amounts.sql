-- An allocation less some amounts; quantities that are not allocated stay so.
create or replace function core.subtract_amounts(p_allocation jsonb, p_amounts jsonb)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return (
    select coalesce(
      jsonb_object_agg(
        q.name,
        (p_allocation ->> q.name)::numeric - coalesce((p_amounts ->> q.name)::numeric, 0)
      ), '{}'
    )
    from unnest(core.quantities()) as q (name)
    where p_allocation ? q.name
  );
end;
$$;
