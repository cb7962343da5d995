\ir ../callers.psql
select plan(7);

call tests.act_as_any_agent();
select count(l.*) as granted
from
  (values ('power', 'power_agent', 'run-1'), ('shell', 'shell_agent', 'run-2')) as h (name, agent, run),
  acquire_lock('subsystem', h.name, h.agent, h.run) as l \gset
select count(l.*) as granted
from acquire_lock('subsystem', 'shell', 'power_agent', 'run-1', 60, 30, request_id => md5('wait')::uuid) as l \gset
select count(log_conflict('low', c.source, 'shell_agent', 'too wide', blocks => c.blocks)) as ready
from (values ('power_agent', '{}'::text[]), ('optics_agent', '{power}'), ('optics_agent', '{}')) as c (source, blocks) \gset
select seen_version from record_dependency('power', 'shell', 'interfaces', 'power_agent') \gset
select version from update_subsystem_interfaces('shell', '{"width_mm": 5}', 'shell_agent', fencing_token => 1) \gset
select mass_kg as held from reserve_budget('power', 'power_agent', 'run-1', 2) \gset
create temporary table told as select * from get_situation('power_agent', 'run-1');

select is((select leases[1].resource_name from told), 'power', 'it holds');
select results_eq(
  'select w.resource_name, w.position, w.held_by, w.held_until > server_time from told, unnest(told.waits) as w',
  $$values ('shell', 1::bigint, 'shell_agent', true)$$,
  'it waits'
);
select results_eq(
  $$select array(select c.conflict_id from unnest(conflicts) as c), array(select b.conflict_id from unnest(blocked_by) as b)
    from told$$,
  $$values ('{1, 2}'::bigint[], '{2}'::bigint[])$$,
  'conflicts concern it, and some of them block it'
);
select results_eq(
  'select b.* from told, unnest(budget) as b', $$select * from budget_usage where name = 'power'$$,
  'its subsystem has a budget'
);
select is(
  (select stale_inputs from told), (select stale_inputs from system_status where name = 'power'),
  'and inputs that have changed'
);
select is((select activity[1].activity from told), 'budget_reserved', 'the log tells what it did last');
select is((select subsystem from told), 'power', 'and that is its subsystem');

select * from finish();
rollback;
