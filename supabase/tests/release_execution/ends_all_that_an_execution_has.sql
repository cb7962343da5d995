\ir ../callers.psql
select plan(6);

call tests.act_as_any_agent();
select count(l.*) as granted
from
  (values ('power', 'run-1'), ('shell', 'run-2')) as h (name, run),
  acquire_lock('subsystem', h.name, h.name || '_agent', h.run) as l \gset
select count(l.*) as granted
from
  (values ('shell', 'run-1'), ('power', 'run-2')) as w (name, run),
  acquire_lock('subsystem', w.name, 'sensing_agent', w.run, 60, 30, request_id => md5(w.run)::uuid) as l \gset
select mass_kg as held from reserve_budget('reserve', 'power_agent', 'run-1', 2) \gset

select results_eq(
  $$select e.leases[1].resource_name, e.waits[1].resource_name, e.waits[1].request_id, e.reservations[1].mass_kg
    from release_execution('run-1') as e$$,
  $$values ('power', 'shell', md5('run-1')::uuid, 2::numeric)$$,
  'it answers which leases, places in line and reservations it ended'
);
select results_eq(
  'select resource_name, execution_id, fencing_token from agent_locks order by resource_name',
  $$values ('power', 'run-2', 2::bigint), ('shell', 'run-2', 1)$$,
  'what it held is given to the next in line at once'
);
select is_empty('select * from lock_queue', 'it waits for nothing any more');
select is_empty('select * from budget_reservations', 'and holds no budget');
select is_empty(
  $$select * from acquire_lock('subsystem', 'shell', 'sensing_agent', 'run-1', 60, 30, request_id => md5('run-1')::uuid)$$,
  'a late repetition of its acquire call gets nothing'
);
select is(
  (select to_jsonb(e) from release_execution('run-1') as e), '{"leases": [], "waits": [], "reservations": []}',
  'a second time there is nothing to end'
);

select * from finish();
rollback;
