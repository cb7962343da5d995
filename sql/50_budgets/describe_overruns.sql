-- "cost_usd 3100 of 3000, mass_kg 16 of 15"
create or replace function core.describe_overruns(p_overruns jsonb)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return (
    select string_agg(
      format(
        '%s %s of %s', o.key, trim_scale((o.value ->> 'used')::numeric), trim_scale((o.value ->> 'allocated')::numeric)
      ), ', ' order by o.key
    )
    from jsonb_each(p_overruns) as o
  );
end;
$$;
