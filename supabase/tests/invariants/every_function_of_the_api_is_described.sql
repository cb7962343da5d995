\ir ../callers.psql
select plan(2);

select is_empty(
  $$select p.oid::regprocedure from pg_proc as p
    left join pg_depend as d on d.objid = p.oid and d.classid = 'pg_proc'::regclass and d.deptype = 'e'
    where p.pronamespace = 'public'::regnamespace and d.objid is null
      and obj_description(p.oid, 'pg_proc') is null$$,
  'every function of the API has a comment'
);
select is_empty(
  $$select c.oid::regclass from pg_class as c
    left join pg_depend as d on d.objid = c.oid and d.classid = 'pg_class'::regclass and d.deptype = 'e'
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'c') and d.objid is null
      and coalesce(obj_description(c.oid, 'pg_class'), obj_description(c.reltype, 'pg_type')) is null$$,
  'every table, view and type of the API has a comment'
);

select * from finish();
rollback;
