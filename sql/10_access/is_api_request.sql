-- False in psql and Studio, where an operator works across workspaces.
create or replace function core.is_api_request()
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return coalesce(current_setting('request.jwt.claims', true), '') <> '';
end;
$$;
