create or replace function public.health()
returns public.health_report
language sql
stable
set search_path = ''
as $$
  select row('ok', core.migration_version(), clock_timestamp())::public.health_report;
$$;

comment on function public.health() is
'Answers if gateway, PostgREST and Postgres work together. The only function that needs no key.';
