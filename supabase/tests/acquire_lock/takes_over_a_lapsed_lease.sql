\ir ../callers.psql
select plan(4);

call tests.act_as_any_agent();
select fencing_token as token from acquire_lock('subsystem', 'power', 'power_agent', 'run-1') \gset
call tests.act_as_owner();
update agent_locks set expires_at = clock_timestamp() where workspace = 'pgtap';

call tests.act_as('shell_agent');
select results_eq(
  $$select locked_by, execution_id, fencing_token from acquire_lock('subsystem', 'power', 'shell_agent', 'run-2')$$,
  $$values ('shell_agent', 'run-2', 2::bigint)$$,
  'a lapsed lease is free to take, with a greater token'
);
select results_eq(
  'select locked_by, fencing_token from agent_locks', $$values ('shell_agent', 2::bigint)$$, 'it has one holder'
);
select results_eq(
  $$select agent_name, execution_id, details ->> 'resource_name', details -> 'fencing_token'
    from agent_activity_logs where activity = 'lock_lost'$$,
  $$values ('power_agent', 'run-1', 'power', '1'::jsonb)$$,
  'the loss is logged under the name of who lost it'
);
call tests.act_as('power_agent');
select throws_ok(
  $$select update_subsystem_status('power', '{"state": "complete"}', 'run-1', 1)$$,
  'PT409', 'lease_lost', 'the old token writes nothing any more'
);

select * from finish();
rollback;
