create or replace function public.schema_version()
returns text
language sql
stable
set search_path = ''
as $$
  select core.migration_version();
$$;

comment on function public.schema_version() is
'The version of the newest migration in this database: 14 digits.';
