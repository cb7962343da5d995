\ir ../callers.psql
select plan(3);

call tests.act_as_any_agent();
select count(l.*) as granted
from unnest(array['power', 'shell']) as n, acquire_lock('subsystem', n, 'power_agent', 'run-1') as l \gset
select is_empty('select * from lock_queue', 'who holds a lock does not wait for it');
select count(l.*) as granted
from
  (values
    ('shell_agent', 4, array['power']),
    ('sensing_agent', 3, array['power', 'shell']),
    ('actuation_agent', 3, array['power']),
    ('skeleton_agent', 1, array['power'])
  ) as w (agent, priority, names),
  acquire_locks(
    (select jsonb_agg(jsonb_build_object('resource_type', 'subsystem', 'resource_name', n)) from unnest(w.names) as n),
    w.agent, 'run-2', 60, 30, w.priority, md5(w.agent)::uuid
  ) as l \gset

select results_eq(
  'select resource_name, position, agent_name, priority from lock_queue order by 1, 2',
  $$values
    ('power', 1::bigint, 'skeleton_agent', 1), ('power', 2, 'sensing_agent', 3), ('power', 3, 'actuation_agent', 3),
    ('power', 4, 'shell_agent', 4), ('shell', 1, 'sensing_agent', 3)$$,
  'by priority, then by arrival, in a line for each resource'
);
select cancel_lock_request(md5('sensing_agent')::uuid) as is_ended \gset
select results_eq(
  'select resource_name, position, agent_name from lock_queue order by 1, 2',
  $$values ('power', 1::bigint, 'skeleton_agent'), ('power', 2, 'actuation_agent'), ('power', 3, 'shell_agent')$$,
  'when one leaves the others move up'
);

select * from finish();
rollback;
