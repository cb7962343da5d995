-- What the platform's database has. Can be repeated.
alter database agentcad set search_path = "$user", public, extensions;
create schema if not exists extensions authorization postgres;
grant usage on schema extensions to anon, authenticated, service_role;
grant usage on schema public to anon, authenticated, service_role;

-- The platform's generous default privileges are mirrored on purpose: a function or table that
-- relies on their absence would be safe here and open there.
alter default privileges for role postgres in schema public
  grant all on tables to anon, authenticated, service_role;
alter default privileges for role postgres in schema public
  grant all on functions to anon, authenticated, service_role;
alter default privileges for role postgres in schema public
  grant all on sequences to anon, authenticated, service_role;
