-- The name of the newest migration; a test holds both equal.
create or replace function core.schema_version()
returns text
language sql
immutable
set search_path = ''
as $$
  select '20261122000000';
$$;

create or replace function public.schema_version()
returns text
language sql
stable
set search_path = ''
as $$
  select core.schema_version();
$$;

comment on function public.schema_version() is
'The version of the newest migration in this database: 14 digits.';
