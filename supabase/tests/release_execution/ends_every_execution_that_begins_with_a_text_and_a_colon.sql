\ir ../callers.psql
select plan(3);

call tests.act_as_any_agent();
select count(l.*) as granted
from
  (values ('power', 'run:1'), ('shell', 'run:2'), ('sensing', 'run'), ('optics', 'running')) as h (name, run),
  acquire_lock('subsystem', h.name, h.name || '_agent', h.run) as l \gset

select results_eq(
  $$select l.resource_name from release_execution('run:') as e, unnest(e.leases) as l$$, $$values ('power'), ('shell')$$,
  'all of a session end'
);
select is((select count(*) from agent_locks), 2::bigint, 'others go on');
select is(
  (select e.leases[1].execution_id from release_execution('run') as e), 'run', 'without a colon it is one execution'
);

select * from finish();
rollback;
