-- PostgREST sets the claims for each request; from psql they are unset or empty.
create or replace function core.jwt_claims()
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return coalesce(nullif(current_setting('request.jwt.claims', true), '')::jsonb, '{}');
end;
$$;
