create or replace function core.health()
returns public.health_report
language plpgsql
stable
set search_path = ''
as $$
begin
  return row('ok', core.schema_version(), clock_timestamp())::public.health_report;
end;
$$;

create or replace function public.health()
returns public.health_report
language sql
stable
set search_path = ''
as $$
  select core.health();
$$;

comment on function public.health() is
'Answers if gateway, PostgREST and Postgres work together. The only function that needs no key.';
