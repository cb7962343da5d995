-- What the platform's server has: roles and their settings. Can be repeated.
-- `postgres` runs migrations and is no superuser.
do $$
declare
  v_role record;
begin
  for v_role in
    select * from (values
      ('postgres', 'login createdb createrole replication bypassrls nosuperuser'),
      ('anon', 'nologin noinherit'),
      ('authenticated', 'nologin noinherit'),
      ('service_role', 'nologin noinherit bypassrls'),
      ('authenticator', 'login noinherit')
    ) as wanted (name, options)
  loop
    execute format('%s role %I %s',
      case when to_regrole(v_role.name) is null then 'create' else 'alter' end,
      v_role.name, v_role.options);
  end loop;
end;
$$;

grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role, authenticator to postgres with admin option;
grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres with admin option;
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
