-- Kind and identity of what is in public and not ours, and of what hangs on ours. The second is in doubt:
-- our migrations have indexes, triggers, columns; whoever asks tells those by name.
with mine as (
  select 'pg_class'::regclass as classid, c.oid as objid, c.relkind
  from pg_class as c
  where
    c.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
    and (c.relnamespace = to_regnamespace('core')
      or (c.relnamespace = 'public'::regnamespace and c.relname = any (%(relations)s::text [] || %(types)s::text [])))
  union all
  select 'pg_proc'::regclass, p.oid, null from pg_proc as p
  where
    p.pronamespace = to_regnamespace('core')
    or (p.pronamespace = 'public'::regnamespace and p.proname = any (%(routines)s::text []))
  union all
  select 'pg_type'::regclass, t.oid, null from pg_type as t
  where
    t.typnamespace = to_regnamespace('core')
    or (t.typnamespace = 'public'::regnamespace and t.typname = any (%(types)s::text [] || %(relations)s::text []))
),

found as (
  select 'pg_class'::regclass as classid, c.oid as objid, 0 as objsubid, false as is_in_doubt
  from pg_class as c
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
  union all
  select 'pg_proc'::regclass, p.oid, 0, false from pg_proc as p where p.pronamespace = 'public'::regnamespace
  union all
  select 'pg_type'::regclass, t.oid, 0, false
  from pg_type as t
  where t.typnamespace = 'public'::regnamespace and t.typrelid = 0 and t.typelem = 0
  union all
  select d.classid, d.objid, d.objsubid, true
  from pg_depend as d
  inner join mine as m on d.refclassid = m.classid and d.refobjid = m.objid
  where d.deptype in ('n', 'a')
  union all
  select m.classid, m.objid, a.attnum, true
  from mine as m
  inner join pg_attribute as a on m.objid = a.attrelid
  where m.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
)

select distinct i.type, i.identity, f.is_in_doubt
from found as f
cross join lateral pg_identify_object(f.classid, f.objid, f.objsubid) as i
where
  -- Columns of ours apart, nothing that is ours itself.
  (f.is_in_doubt and f.objsubid > 0 or not exists (
    select from mine as m where m.classid = f.classid and m.objid = f.objid
  ))
  and not exists (
    select from pg_depend as d
    where d.classid = f.classid and d.objid = f.objid and d.deptype in ('e', 'x')
  )
order by i.type, i.identity
