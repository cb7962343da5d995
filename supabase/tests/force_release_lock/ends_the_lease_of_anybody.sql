\ir ../callers.psql
select plan(5);

call tests.act_as_any_agent();
select to_jsonb(l) as lease from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') as l \gset
select count(*) as granted from acquire_lock(
  'subsystem', 'power', 'shell_agent', 'run-2', 60, 30, request_id => '00000000-0000-0000-0000-000000000001'
) \gset

call tests.act_as_operator();
select is(
  (select to_jsonb(l) from force_release_lock('subsystem', 'power', 'operator', 'its machine is gone') as l),
  :'lease'::jsonb,
  'it answers with the row of the lease'
);
select results_eq(
  $$select locked_by, fencing_token from agent_locks where workspace = 'pgtap'$$,
  $$values ('shell_agent', 2::bigint)$$,
  'who is first in line is given it'
);
select is_empty(
  $$select * from force_release_lock('subsystem', 'shell', 'operator', 'to be sure')$$, 'of a free one nothing'
);
select results_eq(
  $$select agent_name, execution_id, details from agent_activity_logs
    where workspace = 'pgtap' and activity = 'lock_forced'$$,
  $$values ('operator', 'run-1', jsonb_build_object(
    'resource_type', 'subsystem', 'resource_name', 'power', 'locked_by', 'power_agent', 'fencing_token', 1,
    'reason', 'its machine is gone'
  ))$$,
  'the log says once who did it, to whom and why'
);
call tests.act_as('power_agent');
select throws_ok(
  $$select update_subsystem_status('power', '{"state": "complete"}', 'run-1', 1)$$,
  'PT409', 'lease_lost', 'its holder writes nothing any more'
);

select * from finish();
rollback;
