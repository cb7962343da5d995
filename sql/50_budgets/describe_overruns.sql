-- "skeleton is over its budget: mass_kg 16 of 15, cost_usd 3100 of 3000"
create or replace function core.describe_overruns(p_subsystem text, p_overruns jsonb)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return p_subsystem || ' is over its budget: ' || (
    select string_agg(
      format(
        '%s %s of %s', o.key, trim_scale((o.value ->> 'used')::numeric), trim_scale((o.value ->> 'allocated')::numeric)
      ), ', ' order by o.key
    )
    from jsonb_each(p_overruns) as o
  );
end;
$$;
