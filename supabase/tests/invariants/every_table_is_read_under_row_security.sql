\ir ../callers.psql
select plan(5);

select is_empty(
  $$select oid::regclass from pg_class
    where relnamespace in ('public'::regnamespace, 'core'::regnamespace) and relkind in ('r', 'p')
      and not relrowsecurity$$,
  'row level security is on for every table'
);
select is_empty(
  $$select c.oid::regclass from pg_class as c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
      and not exists (select from pg_policy as p where p.polrelid = c.oid)$$,
  'every table of the API has a policy'
);
select is_empty(
  $$select polname, polrelid::regclass from pg_policy
    where polrelid in (
      select oid from pg_class where relnamespace in ('public'::regnamespace, 'core'::regnamespace)
    ) and polcmd <> 'r'$$,
  'no policy lets anybody write'
);
select is_empty(
  $$select c.oid::regclass, a.grantee::regrole, a.privilege_type
    from pg_class as c, aclexplode(c.relacl) as a
    where c.relnamespace in ('public'::regnamespace, 'core'::regnamespace) and a.grantee <> c.relowner
      and (a.privilege_type <> 'SELECT'
        or a.grantee not in ('authenticated'::regrole, 'service_role'::regrole))$$,
  'agents and operators may read tables, and nobody else may do anything'
);
select is_empty(
  $$select oid::regclass from pg_class
    where relnamespace in ('public'::regnamespace, 'core'::regnamespace) and relkind = 'v'
      and not coalesce('security_invoker=true' = any(reloptions), false)$$,
  'views are read with the rights of the caller'
);

select * from finish();
rollback;
