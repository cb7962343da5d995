\ir ../callers.psql
select plan(5);

call tests.act_as_any_agent();
select count(l.*) as granted
from unnest(array['power', 'shell', 'skeleton']) as n, acquire_lock('subsystem', n, n || '_agent', 'run-1') as l \gset
select count(*) as waiting from acquire_lock(
  'subsystem', 'shell', 'sensing_agent', 'run-2', 60, 30, request_id => '00000000-0000-0000-0000-000000000001'
) \gset
call tests.act_as_owner();
update agent_locks set expires_at = clock_timestamp() where workspace = 'pgtap' and resource_name <> 'skeleton';

call tests.act_as('actuation_agent');
select is(cleanup_expired_locks(), 2, 'it counts what has lapsed');
select bag_eq(
  'select resource_name, locked_by, fencing_token from agent_locks',
  $$values ('skeleton', 'skeleton_agent', 1::bigint), ('shell', 'sensing_agent', 2)$$,
  'a live lease stays, and who waited is given what was freed'
);
select bag_eq(
  $$select agent_name, execution_id, details ->> 'resource_name' as resource, details -> 'fencing_token' as token
    from agent_activity_logs where activity = 'lock_lost'$$,
  $$values ('power_agent', 'run-1', 'power', '1'::jsonb), ('shell_agent', 'run-1', 'shell', '1')$$,
  'each loss is logged under the name of who lost it'
);
select is(cleanup_expired_locks(), 0, 'a second time there is nothing');
select is(
  (select count(*) from agent_activity_logs where activity = 'lock_lost'), 2::bigint, 'and nothing is logged again'
);

select * from finish();
rollback;
