create or replace function public.health()
returns public.health_report
language sql
stable
set search_path = ''
as $$
  -- The name of the newest migration, as public.schema_version has it; a test holds all three equal.
  select row('ok', '20261122000000', clock_timestamp())::public.health_report;
$$;

comment on function public.health() is
'Answers if gateway, PostgREST and Postgres work together. The only function that needs no key.';
