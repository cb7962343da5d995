\ir ../callers.psql
select plan(4);

call tests.act_as_any_agent();
select results_eq(
  $$select resource_type, resource_name, holder is null, queue = '{}' from get_lock_status('subsystem', 'power')$$,
  $$values ('subsystem', 'power', true, true)$$,
  'a free lock has no holder and no queue'
);

select to_jsonb(l) as lease from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') as l \gset
select count(l.*) as granted
from
  (values ('shell_agent', 3), ('sensing_agent', 2)) as w (agent, priority),
  acquire_lock('subsystem', 'power', w.agent, 'run-2', 60, 30, w.priority, md5(w.agent)::uuid) as l \gset
select is(
  (select to_jsonb(s.holder) from get_lock_status('subsystem', 'power') as s), :'lease'::jsonb,
  'the holder is its lease'
);
select results_eq(
  $$select q.position, q.agent_name, q.execution_id, q.priority, q.request_id = md5(q.agent_name)::uuid
    from get_lock_status('subsystem', 'power') as s, unnest(s.queue) as q$$,
  $$values (1::bigint, 'sensing_agent', 'run-2', 2, true), (2, 'shell_agent', 'run-2', 3, true)$$,
  'the queue is in the order in which they will get it'
);

call tests.act_as_owner();
update agent_locks set expires_at = clock_timestamp() where workspace = 'pgtap';
call tests.act_as_any_agent();
select results_eq(
  $$select holder is null, cardinality(queue) from get_lock_status('subsystem', 'power')$$,
  $$values (true, 2)$$,
  'a lease that has lapsed is not held, though its row is still here'
);

select * from finish();
rollback;
