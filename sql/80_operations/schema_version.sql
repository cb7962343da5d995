create or replace function public.schema_version()
returns text
language sql
stable
set search_path = ''
as $$
  -- The name of the newest migration, as public.health has it; a test holds all three equal.
  select '20261122000000';
$$;

comment on function public.schema_version() is
'The version of the newest migration in this database: 14 digits.';
