\ir ../callers.psql
select plan(5);

create temporary table ours as
select p.*
from pg_proc as p
left join pg_depend as d on d.objid = p.oid and d.classid = 'pg_proc'::regclass and d.deptype = 'e'
where p.pronamespace in ('public'::regnamespace, 'core'::regnamespace) and d.objid is null;

select cmp_ok((select count(*) from ours), '>', 150::bigint, 'the functions are found');
select is_empty(
  $$select oid::regprocedure from ours where not coalesce('search_path=""' = any(proconfig), false)$$,
  'every function has an empty search_path'
);
select is_empty(
  $$select oid::regprocedure from ours, aclexplode(coalesce(proacl, acldefault('f', proowner))) as a
    where a.grantee = 0$$,
  'PUBLIC may execute none'
);
select set_eq(
  $$select oid::regproc::text from ours where has_function_privilege('anon', oid, 'execute')$$,
  array['health'],
  'the anonymous role may ask for the health and call nothing else'
);
select is_empty(
  $$select oid::regprocedure from ours where pronamespace = 'public'::regnamespace and prosecdef$$,
  'no function of the API runs with the rights of its owner'
);

select * from finish();
rollback;
